/*
 * What the C client of 2013 does on the wire, its oddities included, for tests of our programs
 * against it.
 *
 *   classic_c_client -s SERVER [-a ADDRESS] [-p PORT] [-k MILLISECONDS] [-q]
 *
 * -k is the silence after which it sends a keepalive. -q is no option of the C client: the address
 * of -a is used without asking for it, as a small device might. Each event is a line on stderr.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Offsets in an IPv4 header, and its length. */
#define SOURCE 12
#define DESTINATION 16
#define HEADER_LENGTH 20

static const char *server;
static const char *wanted = "0.0.0.0";
static int keepalive = 15000;
static int quiet;

static struct ifreq device;

static int open_tun(void)
{
    int fd = open("/dev/net/tun", O_RDWR);
    device.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (fd < 0 || ioctl(fd, TUNSETIFF, &device) < 0)
        err(1, "TUN device");
    return fd;
}

static void set(unsigned long request, in_addr_t address)
{
    struct sockaddr_in value = { .sin_family = AF_INET, .sin_addr = { address } };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    memcpy(&device.ifr_addr, &value, sizeof value);
    if (ioctl(fd, request, &device) < 0)
        err(1, "interface");
    close(fd);
}

static void bring_up(in_addr_t address)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    device.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(fd, SIOCSIFFLAGS, &device);
    close(fd);
    set(SIOCSIFADDR, address);
    set(SIOCSIFNETMASK, inet_addr("255.255.0.0"));
    fprintf(stderr, "Connected: %s on %s\n", inet_ntoa((struct in_addr){ address }),
        device.ifr_name);
}

/* Total Length stays 0: the header's length stands in the byte before, the type of service. */
static void send_control(int fd, in_addr_t source, in_addr_t destination)
{
    unsigned char packet[HEADER_LENGTH] = { 0x45, 0x14, [8] = 64 };
    memcpy(packet + SOURCE, &source, sizeof source);
    memcpy(packet + DESTINATION, &destination, sizeof destination);
    if (write(fd, packet, sizeof packet) <= 0)
        err(1, "write");
}

static int connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { inet_addr(server) }
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    warn("connect");
    close(fd);
    return -1;
}

/* Asks for an address and sets the device up with what the first reply says. */
static void ask(int fd)
{
    unsigned char reply[100];
    in_addr_t address = inet_addr(wanted);
    if (!quiet) {
        send_control(fd, address, 0);
        if (read(fd, reply, sizeof reply) <= 0)
            errx(1, "the address %s is refused", wanted);
        memcpy(&address, reply + DESTINATION, sizeof address);
    }
    bring_up(address);
}

/* Whatever -p said, it comes back to the default port. */
static int reconnect(int fd)
{
    fprintf(stderr, "Disconnected\n");
    close(fd);
    while ((fd = connect_to(2002)) < 0)
        sleep(1);
    ask(fd);
    return fd;
}

/* Nothing else goes on until anything is heard. */
static void keep_alive(int fd)
{
    struct pollfd readable = { .fd = fd, .events = POLLIN };
    do
        send_control(fd, INADDR_NONE, INADDR_NONE);
    while (poll(&readable, 1, 1000) == 0);
    fprintf(stderr, "Alive\n");
}

/* Passes packets; each read() gives, and each write() takes, what counts as one. */
static void run(int tun, int fd)
{
    static unsigned char packet[65536];
    for (;;) {
        struct pollfd readable[] = {
            { .fd = tun, .events = POLLIN }, { .fd = fd, .events = POLLIN }
        };
        if (poll(readable, 2, keepalive) == 0)
            keep_alive(fd);
        if (readable[0].revents != 0) {
            ssize_t length = read(tun, packet, 2000);
            if (length < 0 || write(fd, packet, length) <= 0)
                err(1, "sending");
        }
        if (readable[1].revents != 0) {
            ssize_t length = read(fd, packet, sizeof packet);
            if (length <= 0)
                fd = reconnect(fd);
            else if (write(tun, packet, length) < 0)
                warn("TUN device");
        }
    }
}

int main(int argc, char **argv)
{
    int port = 2002;
    for (int option; (option = getopt(argc, argv, "s:a:p:k:q")) != -1;) {
        switch (option) {
        case 's': server = optarg; break;
        case 'a': wanted = optarg; break;
        case 'p': port = atoi(optarg); break;
        case 'k': keepalive = atoi(optarg); break;
        case 'q': quiet = 1; break;
        default: return 2;
        }
    }
    if (server == NULL)
        errx(2, "which server?");
    int tun = open_tun();
    int fd = connect_to(port);
    if (fd < 0)
        return 1;
    ask(fd);
    run(tun, fd);
}
