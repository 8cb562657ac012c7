/**
 * Numbers of the kernel's and the C library's headers, by their names there; the same on both
 * supported machines. A lab test compares all of them with the real headers. Error numbers are in
 * error.ts.
 */

// fcntl.h
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
/** The file must not be there yet; a link in its place counts as one. */
export const O_EXCL = 0o200;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

// signal.h
export const SIGHUP = 1;

// sys/file.h
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

// sys/socket.h
export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
/** As SO_SNDBUF and SO_RCVBUF, for who may go above the system's limit. */
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_ATTACH_FILTER = 26;
export const SO_DETACH_FILTER = 27;
export const SO_MEMINFO = 55;

/** linux/sock_diag.h: numbers that SO_MEMINFO gives, and which of them counts drops. */
export const SK_MEMINFO_VARS = 9;
export const SK_MEMINFO_DROPS = 8;

/** linux/bpf_common.h and linux/filter.h: classic BPF. */
export const BPF_LD = 0x00;
export const BPF_JMP = 0x05;
export const BPF_RET = 0x06;
export const BPF_W = 0x00;
export const BPF_B = 0x10;
export const BPF_ABS = 0x20;
export const BPF_K = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGE = 0x30;
export const SKF_AD_OFF = -0x1000;
export const SKF_AD_RANDOM = 56;
export const SOL_PACKET = 263;
/** Tells the real length of a message that did not fit. */
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
/** No SIGPIPE. */
export const MSG_NOSIGNAL = 0x4000;

// netinet/in.h
export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IP_MTU_DISCOVER = 10;
export const IP_MTU = 14;
/** Never fragments, and asks nobody but the interface how long a packet can be. */
export const IP_PMTUDISC_PROBE = 3;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_PMTUDISC_PROBE = 3;

// netinet/udp.h
/** A length into which what is sent is cut (Linux 4.18). */
export const UDP_SEGMENT = 103;
/** Datagrams that follow one another come together (Linux 5.0). */
export const UDP_GRO = 104;

// netinet/tcp.h
export const TCP_NODELAY = 1;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_INFO = 11;
export const TCP_CONGESTION = 13;
export const TCP_USER_TIMEOUT = 18;
export const TCP_NOTSENT_LOWAT = 25;

// netdb.h
export const AI_PASSIVE = 0x01;
export const AI_NUMERICHOST = 0x04;
export const EAI_NONAME = -2;
export const EAI_AGAIN = -3;
export const EAI_MEMORY = -10;
export const EAI_SYSTEM = -11;

// sys/epoll.h
export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x001;
export const EPOLLOUT = 0x004;
export const EPOLLHUP = 0x010;

// sys/eventfd.h
export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;

// sys/resource.h
/** How many file descriptors a process may have, and one more than their greatest number. */
export const RLIMIT_NOFILE = 7;

// time.h
export const CLOCK_REALTIME = 0;
/** Stands still while the machine sleeps. */
export const CLOCK_MONOTONIC = 1;
/** Monotonic, and goes on while the machine sleeps. */
export const CLOCK_BOOTTIME = 7;

// sys/timex.h
/** Nothing keeps the clock right. */
export const STA_UNSYNC = 0x0040;

// sys/timerfd.h
export const TFD_NONBLOCK = 0o4000;
export const TFD_CLOEXEC = 0o2000000;
export const TFD_TIMER_ABSTIME = 1;
/** Tells of a jump of the clock, as after a sleep. */
export const TFD_TIMER_CANCEL_ON_SET = 2;

// linux/if.h
/** Length of an interface's name with its terminating NUL. */
export const IFNAMSIZ = 16;
export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
/** The other end of the cable is there. */
export const IFF_LOWER_UP = 0x10000;

// linux/if_ether.h
/** All protocols. */
export const ETH_P_ALL = 0x0003;

// linux/if_packet.h
export const PACKET_STATISTICS = 6;
/** A virtio_net_hdr before each frame. */
export const PACKET_VNET_HDR = 15;
/** What this machine itself sends is not received. */
export const PACKET_IGNORE_OUTGOING = 23;

// linux/if_tun.h
export const TUNSETIFF = 0x400454ca;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUN_F_CSUM = 0x01;
export const TUN_F_TSO4 = 0x02;
export const TUN_F_TSO6 = 0x04;
export const TUN_F_TSO_ECN = 0x08;
export const IFF_VNET_HDR = 0x4000;
export const IFF_TUN = 0x0001;
export const IFF_NO_PI = 0x1000;
/** The name must not exist yet; without it an idle persistent device would be taken over. */
export const IFF_TUN_EXCL = 0x8000;

// linux/sockios.h
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCSIFADDR = 0x8916;
export const SIOCSIFNETMASK = 0x891c;
export const SIOCSIFMTU = 0x8922;
export const SIOCGIFINDEX = 0x8933;
export const SIOCSIFTXQLEN = 0x8943;

// linux/netlink.h
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

// linux/if_link.h
export const IFLA_IFNAME = 3;
export const IFLA_LINKINFO = 18;
export const IFLA_GROUP = 27;
/** Of IFLA_LINKINFO. */
export const IFLA_INFO_KIND = 1;

// linux/if_addr.h
export const IFA_ADDRESS = 1;
/** The address itself, where IFA_ADDRESS is that of a point-to-point link's other end. */
export const IFA_LOCAL = 2;
export const IFA_FLAGS = 8;
/** Another host may have it: it cannot be used yet. */
export const IFA_F_TENTATIVE = 0x40;
/** Used at once: on a TUN device there is nobody who could have the same address. */
export const IFA_F_NODAD = 0x02;

// linux/rtnetlink.h
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PREFSRC = 7;
export const RTA_TABLE = 15;
export const RTMGRP_LINK = 0x1;
export const RTMGRP_IPV4_IFADDR = 0x10;
export const RTMGRP_IPV4_ROUTE = 0x40;
export const RTMGRP_IPV6_IFADDR = 0x100;
export const RTMGRP_IPV6_ROUTE = 0x400;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_TABLE_MAIN = 254;
export const RTN_UNICAST = 1;
export const RTPROT_KERNEL = 2;

// linux/fib_rules.h
export const FRA_DST = 1;
export const FRA_SRC = 2;
export const FRA_PRIORITY = 6;
export const FRA_SUPPRESS_PREFIXLEN = 14;
export const FRA_TABLE = 15;
export const FRA_PROTOCOL = 21;
export const FR_ACT_TO_TBL = 1;
export const FR_ACT_UNREACHABLE = 7;

// linux/prctl.h
export const PR_SET_KEEPCAPS = 8;
export const PR_CAPBSET_DROP = 24;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_RAISE = 2;

// linux/capability.h
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_NET_ADMIN = 12;
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
