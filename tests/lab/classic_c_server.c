/*
 * What the C server of 2013 does on the wire, its oddities included, for tests of our programs
 * against it. It never has a TUN device: packets pass between clients only.
 *
 *   classic_c_server [-p PORT] [-t MILLISECONDS]
 *
 * -t is the silence after which a client is dropped. Each event is a line on stderr.
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Offsets in an IPv4 header. */
#define SOURCE 12
#define DESTINATION 16

#define NETWORK 0x0a000000u
#define HOSTS 65536

/* The address of a connection that has none, and both addresses of a keepalive. */
#define NONE 0xffffffffu

struct client {
    struct client *next;
    int fd;
    uint32_t address;
};

/* All of it belongs to whoever holds the lock, as do the sockets while something is sent. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct client *clients;
static char is_free[HOSTS];

static int timeout = 60000;

static uint32_t get_address(const unsigned char *packet, int offset)
{
    uint32_t address;
    memcpy(&address, packet + offset, sizeof address);
    return ntohl(address);
}

static void put_address(unsigned char *packet, int offset, uint32_t address)
{
    address = htonl(address);
    memcpy(packet + offset, &address, sizeof address);
}

static const char *text(uint32_t address)
{
    return inet_ntoa((struct in_addr){ htonl(address) });
}

/* The pool leaves out what looks like a broadcast address, and after the first all of 10.0.0.x. */
static void fill_pool(void)
{
    is_free[1] = 1;
    for (int host = 0x0102; host < 0xff00; host++)
        is_free[host] = (host & 0xff) != 0xff;
}

static int take(uint32_t address)
{
    if ((address & 0xffff0000u) != NETWORK || !is_free[address & 0xffff])
        return 0;
    is_free[address & 0xffff] = 0;
    return 1;
}

static uint32_t take_highest(void)
{
    for (uint32_t host = HOSTS - 1; host > 0; host--)
        if (take(NETWORK | host))
            return NETWORK | host;
    errx(1, "no address is left");
}

static void give_back(uint32_t address)
{
    if ((address & 0xffff0000u) == NETWORK)
        is_free[address & 0xffff] = 1;
}

static void send_packet(int fd, const unsigned char *packet, size_t length)
{
    if (send(fd, packet, length, MSG_NOSIGNAL) < 0)
        warn("send");
}

static void forward(const unsigned char *packet, size_t length)
{
    for (struct client *client = clients; client != NULL; client = client->next) {
        if (client->address == get_address(packet, DESTINATION)) {
            send_packet(client->fd, packet, length);
            return;
        }
    }
}

/* A request for an address; returns 0 to refuse it. */
static int answer(struct client *client, unsigned char *packet, size_t length)
{
    uint32_t wanted = get_address(packet, SOURCE);
    if (wanted != 0) {
        if (!take(wanted)) {
            fprintf(stderr, "Refused %s\n", text(wanted));
            client->address = NONE;
            return 0;
        }
        client->address = wanted;
    } else if (client->address == NONE) {
        client->address = take_highest();
    }
    put_address(packet, SOURCE, 0);
    put_address(packet, DESTINATION, client->address);
    send_packet(client->fd, packet, length);
    fprintf(stderr, "Gave %s\n", text(client->address));
    return 1;
}

/* Whatever one read() gave is one packet. Returns 0 to end the connection. */
static int handle(struct client *client, unsigned char *packet, size_t length)
{
    uint32_t source = get_address(packet, SOURCE);
    uint32_t destination = get_address(packet, DESTINATION);

    if (destination == 0) {
        if (!answer(client, packet, length))
            return 0;
    } else if (source == NONE && destination == NONE) {
        send_packet(client->fd, packet, length);
        fprintf(stderr, "Keepalive of %s\n", text(client->address));
    } else if (source >= 0x0100000a && source <= 0xffff000a && destination != NONE) {
        /* Any source is taken over: the bounds are 10.0.0.1 and 10.0.255.255 read backwards. */
        client->address = source;
        take(source);
    }
    /* Replies are not left out, nor keepalives: they match the connections without an address. */
    forward(packet, length);
    return 1;
}

static void forget(struct client *client)
{
    struct client **link = &clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    give_back(client->address);
    fprintf(stderr, "Lost %s\n", text(client->address));
    close(client->fd);
    free(client);
}

static void *serve(void *argument)
{
    struct client *client = argument;
    unsigned char packet[65536] = { 0 };
    for (int going_on = 1; going_on;) {
        struct pollfd readable = { .fd = client->fd, .events = POLLIN };
        ssize_t length = poll(&readable, 1, timeout) > 0
            ? read(client->fd, packet, sizeof packet)
            : 0;
        pthread_mutex_lock(&lock);
        going_on = length > 0 && handle(client, packet, length);
        if (!going_on)
            forget(client);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static int listen_on(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 5) < 0)
        err(1, "port %d", port);
    fprintf(stderr, "Listening on port %d\n", port);
    return fd;
}

int main(int argc, char **argv)
{
    int port = 2002;
    for (int option; (option = getopt(argc, argv, "p:t:")) != -1;) {
        if (option == 'p')
            port = atoi(optarg);
        else if (option == 't')
            timeout = atoi(optarg);
        else
            return 2;
    }
    fill_pool();
    for (int listener = listen_on(port);;) {
        struct client *client = malloc(sizeof *client);
        pthread_t thread;
        *client = (struct client){ .fd = accept(listener, NULL, NULL), .address = NONE };
        pthread_mutex_lock(&lock);
        client->next = clients;
        clients = client;
        pthread_mutex_unlock(&lock);
        pthread_create(&thread, NULL, serve, client);
        pthread_detach(thread);
    }
}
