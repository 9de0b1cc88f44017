/* What the load generator and the broker stub share: time, sockets, MQTT framing. */
#ifndef CROSSFADE_BENCH_WIRE_H
#define CROSSFADE_BENCH_WIRE_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* MQTT 3.1.1 section 2.2.1: packet types, already in the upper four bits. */
enum {
  MQTT_CONNECT = 0x10, MQTT_CONNACK = 0x20, MQTT_PUBLISH = 0x30, MQTT_PUBACK = 0x40, MQTT_SUBSCRIBE = 0x80,
  MQTT_SUBACK = 0x90, MQTT_UNSUBSCRIBE = 0xa0, MQTT_UNSUBACK = 0xb0, MQTT_PINGREQ = 0xc0, MQTT_PINGRESP = 0xd0,
  MQTT_DISCONNECT = 0xe0
};

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static void die_tls(const char *what) {
  fprintf(stderr, "%s: ", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Nanoseconds of CPU, user and system, that this process has used. */
static inline uint64_t cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void set_nodelay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* The soft limit of file descriptors becomes the hard one. */
static inline void raise_fd_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* The whole length of the packet at `bytes`, 0 when its fixed header is not complete, -1 when it is malformed. */
static inline int packet_length(const uint8_t *bytes, int available, int *header) {
  int remaining = 0;
  for (int i = 0; i < 4; i++) {
    if (available < 2 + i) return 0;
    remaining |= (bytes[1 + i] & 0x7f) << (7 * i);
    if ((bytes[1 + i] & 0x80) == 0) {
      *header = 2 + i;
      return 2 + i + remaining;
    }
  }
  return -1;
}

#endif
