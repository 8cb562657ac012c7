/* A client as docs/embedded.md describes it: one socket, one buffer, no TUN device. It answers pings.
 *
 *     embedded_client SERVER PORT [ADDRESS] [KEEPALIVE_MS]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, CONTROL = 20, FIRST_PAUSE = 250, LONGEST_PAUSE = 20000, GOOD = 10000 };

static const uint8_t CONTROL_PREFIX[12] = {0x45, 0x14, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0};
static const uint32_t ALL_ONES = 0xffffffff;

static uint8_t buffer[MTU];
static size_t filled;      /* bytes of the packet that is coming */
static size_t skip;        /* bytes to throw away of one that is too long */
static uint32_t address;   /* ours, in network order; 0 while there is none */
static int answered;       /* whether this connection's reply came */
static int keepalive = 15000;

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int send_whole(int fd, const uint8_t *bytes, size_t length) {
  for (size_t sent = 0; sent < length;) {
    ssize_t count = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
    if (count < 0) return -1;
    sent += (size_t)count;
  }
  return 0;
}

static int send_control(int fd, uint32_t source, uint32_t destination) {
  uint8_t packet[CONTROL];
  memcpy(packet, CONTROL_PREFIX, 12);
  memcpy(packet + 12, &source, 4);
  memcpy(packet + 16, &destination, 4);
  return send_whole(fd, packet, CONTROL);
}

static uint16_t checksum(const uint8_t *bytes, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i < length; i++) sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static void put_checksum(uint8_t *field, const uint8_t *bytes, size_t length) {
  field[0] = field[1] = 0;
  uint16_t sum = checksum(bytes, length);
  field[0] = sum >> 8;
  field[1] = sum & 255;
}

/* Turns an echo request in the buffer into its reply, and sends it. */
static int answer_ping(int fd, size_t length) {
  size_t header = (buffer[0] & 15) * 4u;
  if (buffer[9] != 1 || length < header + 8 || buffer[header] != 8) return 0;
  memcpy(buffer + 16, buffer + 12, 4);
  memcpy(buffer + 12, &address, 4);
  buffer[header] = 0;
  put_checksum(buffer + header + 2, buffer + header, length - header);
  put_checksum(buffer + 10, buffer, header);
  return send_whole(fd, buffer, length);
}

static int handle(int fd, size_t length) {
  uint32_t source, destination;
  if (buffer[0] >> 4 != 4) return 0;
  memcpy(&source, buffer + 12, 4);
  memcpy(&destination, buffer + 16, 4);
  if (length == CONTROL && source == 0 && destination != 0) {
    if (!answered) {
      char text[INET_ADDRSTRLEN];
      address = destination;
      answered = 1;
      fprintf(stderr, "address %s\n", inet_ntop(AF_INET, &address, text, sizeof text));
    }
    return 0;
  }
  return answered && destination == address ? answer_ping(fd, length) : 0;
}

/* The length of the packet in the buffer; 0 if that is not known yet, -1 if the stream is lost. */
static long packet_length(void) {
  if (filled < 4) return 0;
  if (buffer[0] >> 4 == 6) return filled < 6 ? 0 : 40 + (buffer[4] << 8 | buffer[5]);
  long length = buffer[2] << 8 | buffer[3];
  if (length == 0) length = CONTROL;
  return buffer[0] >> 4 != 4 || (buffer[0] & 15) < 5 || length < (buffer[0] & 15) * 4 ? -1 : length;
}

/* Takes one byte: slow, but with nothing that could go wrong between two packets. */
static int take(int fd, uint8_t byte) {
  if (skip > 0) return skip--, 0;
  buffer[filled++] = byte;
  long length = packet_length();
  if (length < 0) return -1;
  if (length > MTU) {
    skip = (size_t)length - filled;
    filled = 0;
  } else if (length > 0 && filled == (size_t)length) {
    filled = 0;
    return handle(fd, (size_t)length);
  }
  return 0;
}

static int connect_to(const char *server, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  inet_pton(AF_INET, server, &to.sin_addr);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
    if (fd >= 0) close(fd);
    return -1;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* Serves one connection until it ends. */
static void serve(int fd) {
  uint8_t piece[512];
  long heard = now(), asked = 0;
  filled = skip = 0;
  answered = 0;
  if (send_control(fd, address, 0) < 0) return;
  while (now() - heard < 2L * keepalive) {
    long due = asked ? asked + 1000 : heard + keepalive, wait = due - now();
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    if (poll(&readable, 1, wait > 0 ? (int)wait : 0) > 0) {
      ssize_t count = recv(fd, piece, sizeof piece, 0);
      if (count <= 0) return;
      heard = now();
      asked = 0;
      for (ssize_t i = 0; i < count; i++) {
        if (take(fd, piece[i]) < 0) return;
      }
    } else if (now() >= due) {
      if (send_control(fd, ALL_ONES, ALL_ONES) < 0) return;
      asked = now();
    }
  }
}

int main(int count, char **words) {
  if (count < 3) return 2;
  if (count > 3) inet_pton(AF_INET, words[3], &address);
  if (count > 4) keepalive = atoi(words[4]);
  srand((unsigned)getpid());
  for (long pause = FIRST_PAUSE;;) {
    long begun = now();
    int fd = connect_to(words[1], atoi(words[2]));
    if (fd >= 0) {
      serve(fd);
      close(fd);
      fprintf(stderr, "disconnected\n");
      if (!answered) address = 0;
      if (now() - begun >= GOOD) pause = FIRST_PAUSE;
    }
    usleep((useconds_t)(pause * 1000 + pause * (rand() % 500)));
    pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
  }
}
