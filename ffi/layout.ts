/**
 * Layouts of the kernel's and the C library's structures: sizes and offsets in bytes, on 64-bit
 * little-endian Linux. The two supported machines differ in what is a
 * function here. A lab test compares
 * all of this with what a C compiler makes of the real headers.
 */

/** struct ifreq (linux/if.h): a name and a union. */
export const IFREQ = { size: 40, ifr_name: 0, ifr_ifru: 16 } as const;

/** struct sockaddr_in (netinet/in.h). The family is in host order, port and address in network order. */
export const SOCKADDR_IN = { size: 16, sin_family: 0, sin_port: 2, sin_addr: 4 } as const;

/** struct sockaddr_in6 (netinet/in.h). The scope is in host order. */
export const SOCKADDR_IN6 = {
  size: 28,
  sin6_family: 0,
  sin6_port: 2,
  sin6_addr: 8,
  sin6_scope_id: 24,
} as const;

/** struct sockaddr_un (sys/un.h). */
export const SOCKADDR_UN = { size: 110, sun_family: 0, sun_path: 2 } as const;

/** struct in6_pktinfo (netinet/in.h). */
export const IN6_PKTINFO = { size: 20, ipi6_addr: 0 } as const;

/** struct sigaction (signal.h): a pointer, and much else. */
export const SIGACTION = { size: 152, sa_handler: 0 } as const;

/** struct sock_filter (linux/filter.h): an instruction. */
export const SOCK_FILTER = { size: 8, code: 0, jt: 2, jf: 3, k: 4 } as const;

/** struct sock_fprog (linux/filter.h): how many instructions, and a pointer to them. */
export const SOCK_FPROG = { size: 16, len: 0, filter: 8 } as const;

/** struct iovec (sys/uio.h): addresses and lengths are u64. */
export const IOVEC = { size: 16, iov_base: 0, iov_len: 8 } as const;

/** struct msghdr (sys/socket.h). */
export const MSGHDR = {
  size: 56,
  msg_name: 0,
  msg_namelen: 8,
  msg_iov: 16,
  msg_iovlen: 24,
  msg_control: 32,
  msg_controllen: 40,
} as const;

/** struct cmsghdr (sys/socket.h): heads each piece of control data, which begins 8 bytes aligned. */
export const CMSGHDR = { size: 16, cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 } as const;

/** struct sockaddr_ll (linux/if_packet.h). The protocol is in network order. */
export const SOCKADDR_LL = { size: 20, sll_family: 0, sll_protocol: 2, sll_ifindex: 4 } as const;

/** struct addrinfo (netdb.h). */
export const ADDRINFO = {
  size: 48,
  ai_flags: 0,
  ai_family: 4,
  ai_socktype: 8,
  ai_addrlen: 16,
  ai_addr: 24,
  ai_next: 40,
} as const;

/** struct mmsghdr (sys/socket.h), which begins with a msghdr. */
export const MMSGHDR = { size: 64, msg_hdr: 0, msg_len: 56 } as const;

/** struct tpacket_stats (linux/if_packet.h). */
export const TPACKET_STATS = { size: 8, tp_packets: 0, tp_drops: 4 } as const;

/** struct rlimit (sys/resource.h). */
export const RLIMIT = { size: 16, rlim_cur: 0, rlim_max: 8 } as const;
/** struct tcp_info (linux/tcp.h), of which kernels have ever longer beginnings: u32, tcpi_bytes_acked u64. */
export const TCP_INFO = {
  tcpi_unacked: 24,
  tcpi_rtt: 68,
  tcpi_total_retrans: 100,
  tcpi_bytes_acked: 120,
  tcpi_notsent_bytes: 144,
  tcpi_data_segs_out: 156,
} as const;

/** struct linger (sys/socket.h). */
export const LINGER = { size: 8, l_onoff: 0, l_linger: 4 } as const;

/** struct timespec (time.h). */
export const TIMESPEC = { size: 16, tv_sec: 0, tv_nsec: 8 } as const;

/** struct timex (sys/timex.h). */
export const TIMEX = { size: 208, status: 40 } as const;

/** struct itimerspec (sys/timerfd.h). */
export const ITIMERSPEC = { size: 32, it_interval: 0, it_value: 16 } as const;

/** struct nlmsghdr (linux/netlink.h): heads each netlink message. */
export const NLMSGHDR = { size: 16, nlmsg_len: 0, nlmsg_type: 4, nlmsg_flags: 6 } as const;

/** struct nlmsgerr (linux/netlink.h). */
export const NLMSGERR = { size: 20, error: 0 } as const;

/** struct rtattr (linux/rtnetlink.h): heads each attribute of a message. */
export const RTATTR = { size: 4, rta_len: 0, rta_type: 2 } as const;

/** struct rtmsg (linux/rtnetlink.h). */
export const RTMSG = {
  size: 12,
  rtm_family: 0,
  rtm_dst_len: 1,
  rtm_table: 4,
  rtm_protocol: 5,
  rtm_scope: 6,
  rtm_type: 7,
} as const;

/** struct ifinfomsg (linux/rtnetlink.h). The index is in host order. */
export const IFINFOMSG = { size: 16, ifi_family: 0, ifi_index: 4, ifi_flags: 8 } as const;

/** struct ifaddrmsg (linux/if_addr.h). The index is in host order. */
export const IFADDRMSG = {
  size: 8,
  ifa_family: 0,
  ifa_prefixlen: 1,
  ifa_flags: 2,
  ifa_scope: 3,
  ifa_index: 4,
} as const;

/** struct sockaddr_nl (linux/netlink.h). All is in host order. */
export const SOCKADDR_NL = { size: 12, nl_family: 0, nl_pid: 4, nl_groups: 8 } as const;

/** struct fib_rule_hdr (linux/fib_rules.h). */
export const FIB_RULE_HDR = { size: 12, family: 0, dst_len: 1, src_len: 2, action: 7 } as const;

/** struct epoll_event (sys/epoll.h), packed on x86-64 only (EPOLL_PACKED in the kernel's header). */
export function epollEventLayout(
  arch: string,
): { readonly size: number; readonly events: number; readonly data: number } {
  return arch === "x86_64" ? { size: 12, events: 0, data: 4 } : { size: 16, events: 0, data: 8 };
}

/** struct __user_cap_header_struct (linux/capability.h). */
export const __USER_CAP_HEADER_STRUCT = { size: 8, version: 0, pid: 4 } as const;

/** struct __user_cap_data_struct (linux/capability.h): bits of 32 capabilities, as u32. */
export const __USER_CAP_DATA_STRUCT = {
  size: 12,
  effective: 0,
  permitted: 4,
  inheritable: 8,
} as const;

/** O_NOFOLLOW (fcntl.h): a link in the place of the file is not followed. */
export function noFollowFlag(arch: string): number {
  return arch === "x86_64" ? 0o400000 : 0o100000;
}
