/*
 * A distance between two places: a TCP relay on loopback that gives on what it gets `--delay` microseconds later, in
 * either direction, however much that is.
 *
 *   distance --to PORT --delay MICROSECONDS
 *
 * It prints {"event":"ready","port":N}, and ends at the end of its standard input.
 */
#include "../relay/wire.h"
#include <poll.h>

#define CHUNK_BYTES 65536
#define MAX_FLOWS 512

typedef struct Chunk {
  struct Chunk *next;
  uint64_t due;
  size_t length, sent;
  uint8_t bytes[CHUNK_BYTES];
} Chunk;

/* One direction of one connection. */
typedef struct {
  int from, to;
  bool is_over;
  Chunk *first, *last;
} Flow;

static Flow flows[MAX_FLOWS];
static int flow_count, to_port;
static uint64_t delay_ns;

static void add_flow(int from, int to) {
  if (flow_count == MAX_FLOWS) die("too many connections");
  flows[flow_count++] = (Flow){.from = from, .to = to};
}

static void accept_one(int listener) {
  int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(to_port);
  if (near < 0) return;
  if (far < 0 || connect(far, (struct sockaddr *)&address, sizeof address) != 0) die("connect: %s", strerror(errno));
  fcntl(far, F_SETFL, O_NONBLOCK);
  set_nodelay(near);
  set_nodelay(far);
  add_flow(near, far);
  add_flow(far, near);
}

static void read_flow(Flow *f) {
  Chunk *chunk = malloc(sizeof *chunk);
  if (chunk == NULL) die("out of memory");
  ssize_t n = read(f->from, chunk->bytes, CHUNK_BYTES);
  if (n <= 0) {
    free(chunk);
    if (n == 0 || errno != EAGAIN) {
      f->is_over = true;
      shutdown(f->to, SHUT_WR);
    }
    return;
  }
  chunk->next = NULL;
  chunk->due = now_ns() + delay_ns;
  chunk->length = (size_t)n;
  chunk->sent = 0;
  if (f->last == NULL) f->first = chunk;
  else f->last->next = chunk;
  f->last = chunk;
}

static void write_flow(Flow *f, uint64_t now) {
  while (f->first != NULL && f->first->due <= now) {
    Chunk *chunk = f->first;
    ssize_t n = write(f->to, chunk->bytes + chunk->sent, chunk->length - chunk->sent);
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0) chunk->sent += (size_t)n;
    if (n > 0 && chunk->sent < chunk->length) continue;
    f->first = chunk->next;
    if (f->first == NULL) f->last = NULL;
    free(chunk);
  }
}

/* Until something is due; a full socket is tried again after a millisecond. */
static struct timespec patience(uint64_t now) {
  uint64_t wait = 1000000000u;
  for (int i = 0; i < flow_count; i++) {
    if (flows[i].first == NULL) continue;
    uint64_t due = flows[i].first->due, left = due > now ? due - now : 1000000u;
    if (left < wait) wait = left;
  }
  return (struct timespec){.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
}

int main(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--to") == 0) to_port = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--delay") == 0) delay_ns = (uint64_t)atol(argv[i + 1]) * 1000u;
    else die("unknown option %s", argv[i]);
  }
  if (to_port == 0) die("usage: distance --to PORT --delay MICROSECONDS");
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 128) != 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("{\"event\":\"ready\",\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  static struct pollfd watched[MAX_FLOWS + 2];
  for (;;) {
    watched[0] = (struct pollfd){.fd = 0, .events = POLLIN};
    watched[1] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (int i = 0; i < flow_count; i++)
      watched[2 + i] = (struct pollfd){.fd = flows[i].is_over ? -1 : flows[i].from, .events = POLLIN};
    struct timespec wait = patience(now_ns());
    int count = flow_count;
    ppoll(watched, (nfds_t)(2 + count), &wait, NULL);
    char ignored[64];
    if (watched[0].revents != 0 && read(0, ignored, sizeof ignored) <= 0) return 0;
    for (int i = 0; i < count; i++)
      if (watched[2 + i].revents != 0) read_flow(&flows[i]);
    uint64_t now = now_ns();
    for (int i = 0; i < flow_count; i++) write_flow(&flows[i], now);
    if (watched[1].revents != 0) accept_one(listener);
  }
}
