/*
 * Devices at the source broker and a service at the target broker, in one process with one clock: MQTT 3.1.1 over TCP.
 *
 *   load --source PORT --target PORT --keys N
 *
 * Messages have QoS 1, the topic dt/KEY/x and a payload of 100 bytes, which begins with their number. The service
 * subscribes with QoS 0, so that it costs little. It prints {"event":"ready"} once it is subscribed, then obeys one
 * command a line from its standard input and answers each with one JSON line; it ends at the end of its input:
 *
 *   probe                a message every 50 ms until one is heard, and then until nothing more comes for 300 ms
 *   saturate AHEAD MS    keeps AHEAD messages published and not heard for MS milliseconds, then waits for the last
 *   pace RATE MS         RATE messages a second at even distances; lag counts from the time a message was due
 */
#include "../relay/wire.h"
#include <math.h>

#define PUBLISHERS 8
#define PAYLOAD_BYTES 100
#define MAX_KEYS 10000
/* More than are ever on their way. */
#define RING (1u << 16)
#define IN_BYTES (1 << 18)
#define OUT_BYTES (1 << 18)
#define LIMIT_NS (20ull * 1000000000ull)

typedef struct {
  int fd;
  bool writable_watched;
  int in_length, out_length;
  uint16_t next_id;
  uint8_t in[IN_BYTES];
  uint8_t out[OUT_BYTES];
} Connection;

/* Log-linear: 64 steps for every doubling, so a value is known within 1.6 per cent. */
#define STEPS 64
#define BUCKETS (58 * STEPS)
static struct {
  uint64_t count[BUCKETS];
  uint64_t total, max;
} lag;

static struct {
  uint64_t sent, heard, duplicates, disordered, acknowledged, started_ns;
} phase;

static Connection publishers[PUBLISHERS], service;
static int epoll_fd, keys = 100;
static bool is_subscribed;
static uint32_t next_number = 1;
/* By number modulo RING: when it was due; 0: heard. */
static uint64_t due_at[RING];
static uint32_t last_by_key[MAX_KEYS];

static void record(uint64_t ns) {
  int bucket = (int)ns;
  if (ns >= STEPS) {
    int shift = 63 - __builtin_clzll(ns) - 6;
    bucket = (shift + 1) * STEPS + (int)((ns >> shift) - STEPS);
  }
  if (bucket >= BUCKETS) bucket = BUCKETS - 1;
  lag.count[bucket]++;
  lag.total++;
  if (ns > lag.max) lag.max = ns;
}

static double percentile_us(double share) {
  uint64_t rank = (uint64_t)ceil(share * (double)lag.total), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += lag.count[i];
    if (seen >= rank && seen > 0) {
      if (i < STEPS) return i / 1000.0;
      return ((double)(STEPS + i % STEPS) + 0.5) * (double)(1ull << (i / STEPS - 1)) / 1000.0;
    }
  }
  return 0;
}

static void flush(Connection *c) {
  int done = 0;
  while (done < c->out_length) {
    ssize_t n = write(c->fd, c->out + done, (size_t)(c->out_length - done));
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) die("a broker closed a connection");
    done += (int)n;
  }
  memmove(c->out, c->out + done, (size_t)(c->out_length - done));
  c->out_length -= done;
  bool wanted = c->out_length > 0;
  if (wanted == c->writable_watched) return;
  c->writable_watched = wanted;
  struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void put(Connection *c, const void *bytes, int count) {
  if (c->out_length + count > OUT_BYTES) die("a broker does not read");
  memcpy(c->out + c->out_length, bytes, (size_t)count);
  c->out_length += count;
}

/* To the connection of its key: of each key the order is that of the numbers. */
static Connection *put_publish(uint64_t due) {
  uint32_t number = next_number++;
  int key = (int)(number % (uint32_t)keys);
  Connection *c = &publishers[key % PUBLISHERS];
  uint8_t packet[256];
  int topic_length = sprintf((char *)packet + 5, "dt/bench-%05d/x", key);
  int remaining = 2 + topic_length + 2 + PAYLOAD_BYTES;
  packet[0] = MQTT_PUBLISH | 0x02;
  packet[1] = (uint8_t)(0x80 | (remaining & 0x7f));
  packet[2] = (uint8_t)(remaining >> 7);
  packet[3] = 0;
  packet[4] = (uint8_t)topic_length;
  uint8_t *p = packet + 5 + topic_length;
  if (++c->next_id == 0) c->next_id = 1;
  *p++ = (uint8_t)(c->next_id >> 8);
  *p++ = (uint8_t)c->next_id;
  memset(p, 'x', PAYLOAD_BYTES);
  memcpy(p, &number, sizeof number);
  if (due_at[number % RING] != 0) die("more messages on their way than can be told apart, or lost ones");
  due_at[number % RING] = due;
  put(c, packet, 3 + remaining);
  phase.sent++;
  return c;
}

static void hear(const uint8_t *body, int length, uint64_t now) {
  int topic_length = (body[0] << 8) | body[1];
  if (length != 2 + topic_length + PAYLOAD_BYTES) return;
  uint32_t number;
  memcpy(&number, body + 2 + topic_length, sizeof number);
  uint64_t due = due_at[number % RING];
  if (due == 0) {
    phase.duplicates++;
    return;
  }
  due_at[number % RING] = 0;
  phase.heard++;
  record(now > due ? now - due : 0);
  int key = (int)(number % (uint32_t)keys);
  if (number < last_by_key[key]) phase.disordered++;
  else last_by_key[key] = number;
}

static void handle_packet(const uint8_t *packet, int header, int length, uint64_t now) {
  switch (packet[0] & 0xf0) {
    case MQTT_CONNACK:
      if (packet[3] != 0) die("CONNACK refuses with %d", packet[3]);
      break;
    case MQTT_SUBACK: is_subscribed = true; break;
    case MQTT_PUBACK: phase.acknowledged++; break;
    case MQTT_PUBLISH: hear(packet + header, length - header, now); break;
    default: die("packet of type %d", packet[0] >> 4);
  }
}

static void handle_readable(Connection *c) {
  ssize_t n = read(c->fd, c->in + c->in_length, (size_t)(IN_BYTES - c->in_length));
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) die("a broker closed a connection");
  uint64_t now = now_ns();
  int have = c->in_length + (int)n, at = 0;
  while (at < have) {
    int header = 0, length = packet_length(c->in + at, have - at, &header);
    if (length < 0) die("malformed packet");
    if (length == 0 || at + length > have) break;
    handle_packet(c->in + at, header, length, now);
    at += length;
  }
  memmove(c->in, c->in + at, (size_t)(have - at));
  c->in_length = have - at;
}

static void turn(uint64_t wait_ns) {
  struct epoll_event events[64];
  struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
  int n = epoll_pwait2(epoll_fd, events, 64, &wait, NULL);
  for (int i = 0; i < n; i++) {
    Connection *c = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) flush(c);
    if (events[i].events & ~(uint32_t)EPOLLOUT) handle_readable(c);
  }
}

static void open_connection(Connection *c, int port, const char *id) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(port);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
    die("connect to port %d: %s", port, strerror(errno));
  set_nodelay(c->fd);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
  uint8_t packet[64] = {MQTT_CONNECT, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x02, 0, 0, 0};
  int id_length = sprintf((char *)packet + 14, "%s", id);
  packet[13] = (uint8_t)id_length;
  packet[1] = (uint8_t)(12 + id_length);
  put(c, packet, 14 + id_length);
  flush(c);
}

static void open_all(int source, int target) {
  static const uint8_t subscribe[] = {MQTT_SUBSCRIBE | 2, 9, 0, 1, 0, 4, 'd', 't', '/', '#', 0};
  for (int i = 0; i < PUBLISHERS; i++) {
    char id[32];
    sprintf(id, "bench-device-%d", i);
    open_connection(&publishers[i], source, id);
  }
  open_connection(&service, target, "bench-service");
  put(&service, subscribe, sizeof subscribe);
  flush(&service);
  uint64_t limit = now_ns() + LIMIT_NS;
  while (!is_subscribed && now_ns() < limit) turn(10000000);
  if (!is_subscribed) die("no SUBACK");
}

static void begin(void) {
  memset(&phase, 0, sizeof phase);
  memset(&lag, 0, sizeof lag);
}

static void await_last(void) {
  uint64_t limit = now_ns() + LIMIT_NS;
  while (phase.heard < phase.sent && now_ns() < limit) turn(10000000);
}

static void report(const char *command, uint64_t heard, uint64_t elapsed, uint64_t cpu_started) {
  printf("{\"event\":\"done\",\"command\":\"%s\",\"count\":%lu,\"heardInTime\":%lu,\"lost\":%lu,\"duplicates\":%lu,"
         "\"disordered\":%lu,\"elapsedNs\":%lu,\"cpuNs\":%lu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,"
         "\"maxUs\":%.1f}\n",
         command, phase.heard, heard, phase.sent - phase.heard, phase.duplicates, phase.disordered, elapsed,
         cpu_ns() - cpu_started, percentile_us(0.5), percentile_us(0.99), percentile_us(0.999), (double)lag.max / 1000.0);
  fflush(stdout);
}

/* What was published before the bridge listened is lost, and forgiven. */
static void run_probe(void) {
  uint64_t started = now_ns(), cpu_started = cpu_ns(), limit = started + LIMIT_NS, next = 0, quiet_from = started;
  begin();
  while (phase.heard == 0 && now_ns() < limit) {
    if (now_ns() >= next) {
      flush(put_publish(now_ns()));
      next = now_ns() + 50000000;
    }
    turn(10000000);
  }
  for (uint64_t heard = 0; now_ns() < quiet_from + 300000000;) {
    if (phase.heard != heard) {
      heard = phase.heard;
      quiet_from = now_ns();
    }
    turn(10000000);
  }
  memset(due_at, 0, sizeof due_at);
  report("probe", phase.heard, now_ns() - started, cpu_started);
}

static void run_saturate(uint64_t ahead, uint64_t ms) {
  uint64_t started = now_ns(), cpu_started = cpu_ns(), deadline = started + ms * 1000000u, now;
  if (ahead > RING / 2) ahead = RING / 2;
  begin();
  while ((now = now_ns()) < deadline) {
    bool dirty[PUBLISHERS] = {false};
    while (phase.sent - phase.heard < ahead) dirty[put_publish(now) - publishers] = true;
    for (int i = 0; i < PUBLISHERS; i++)
      if (dirty[i]) flush(&publishers[i]);
    turn(10000000);
  }
  uint64_t heard = phase.heard, elapsed = now - started;
  await_last();
  report("saturate", heard, elapsed, cpu_started);
}

static void run_pace(uint64_t rate, uint64_t ms) {
  uint64_t started = now_ns(), cpu_started = cpu_ns(), deadline = started + ms * 1000000u, due = started;
  uint64_t distance = 1000000000ull / (rate > 0 ? rate : 1);
  begin();
  while (due < deadline) {
    uint64_t now = now_ns();
    if (now < due) {
      turn(due - now);
      continue;
    }
    flush(put_publish(due));
    due += distance;
  }
  uint64_t heard = phase.heard, elapsed = now_ns() - started;
  await_last();
  report("pace", heard, elapsed, cpu_started);
}

int main(int argc, char **argv) {
  int source = 0, target = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--source") == 0) source = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--target") == 0) target = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--keys") == 0) keys = atoi(argv[i + 1]);
    else die("unknown option %s", argv[i]);
  }
  if (source == 0 || target == 0 || keys < 1 || keys > MAX_KEYS) die("usage: load --source PORT --target PORT --keys N");
  signal(SIGPIPE, SIG_IGN);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  open_all(source, target);
  puts("{\"event\":\"ready\"}");
  fflush(stdout);
  char line[128];
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned long a, b;
    if (strncmp(line, "probe", 5) == 0) run_probe();
    else if (sscanf(line, "saturate %lu %lu", &a, &b) == 2) run_saturate(a, b);
    else if (sscanf(line, "pace %lu %lu", &a, &b) == 2) run_pace(a, b);
    else die("unknown command: %s", line);
  }
  return 0;
}
