/*
 * The devices: MQTT 3.1.1 over TLS with client certificates, many connections in one thread.
 *
 *   load --port PORT --certs PREFIX --cert-count N [--servername NAME]
 *
 * Certificates are PREFIX0.pem, PREFIX0.key, PREFIX1.pem, …; device i shows certificate i modulo N and has the client
 * ID bench-NNNNNN. It prints {"event":"ready"}, then obeys one command a line from its standard input and answers each
 * with one JSON line; it ends at `quit` or at the end of its input:
 *
 *   storm COUNT CONCURRENCY    COUNT connects, each a full handshake, CONNECT, CONNACK, DISCONNECT
 *   open COUNT CONCURRENCY     connects until COUNT devices are live, and keeps them
 *   publish IN_FLIGHT MS       every live device keeps IN_FLIGHT QoS 1 messages unacknowledged for MS milliseconds
 *   pace RATE MS               RATE messages a second over all live devices, at even distances, latency counted from
 *                              the time a message was due
 *   close                      DISCONNECT on all
 */
#include "wire.h"
#include <math.h>
#include <sys/prctl.h>

#define MAX_CERTS 256
#define MAX_IN_FLIGHT 16
#define PACKET_BYTES 200
#define CARRY_BYTES 64
#define COMMAND_LIMIT_NS (120ull * 1000000000ull)

typedef enum { CONNECTING, AWAITING_CONNACK, LIVE, CLOSING } State;

typedef struct {
  int fd;
  int index;
  State state;
  bool shaken;
  uint32_t events;
  SSL *ssl;
  uint64_t started;
  int outstanding;
  uint16_t next_id;
  uint16_t sent_id[MAX_IN_FLIGHT];
  uint64_t sent_at[MAX_IN_FLIGHT];
  int in_length;
  uint8_t in[CARRY_BYTES];
  int out_length;
  uint8_t out[PACKET_BYTES * MAX_IN_FLIGHT];
  uint8_t publish[PACKET_BYTES];
  int publish_id_at;
} Device;

/* Log-linear: 64 steps for every doubling, so a value is known within 1.6 per cent. */
#define STEPS 64
#define BUCKETS (58 * STEPS)
static struct {
  uint64_t count[BUCKETS];
  uint64_t total, max;
  double sum;
} latency;

typedef enum { IDLE, OPENING, STORMING, PUBLISHING, PACING, ENDING } Mode;

static struct {
  Mode mode;
  int inflight;
  uint64_t deadline;
  uint64_t sent, acknowledged, failed, skipped;
} phase;

static SSL_CTX *contexts[MAX_CERTS];
static int context_count, port, epoll_fd;
static const char *servername = "mqtt.bench.test";
static Device **devices;
static int device_capacity, alive, pending, closing, next_index;
static char first_failure[160];

static void record(uint64_t ns) {
  int bucket = (int)ns;
  if (ns >= STEPS) {
    int shift = 63 - __builtin_clzll(ns) - 6;
    bucket = (shift + 1) * STEPS + (int)((ns >> shift) - STEPS);
  }
  if (bucket >= BUCKETS) bucket = BUCKETS - 1;
  latency.count[bucket]++;
  latency.total++;
  latency.sum += (double)ns;
  if (ns > latency.max) latency.max = ns;
}

static double percentile_us(double share) {
  uint64_t rank = (uint64_t)ceil(share * (double)latency.total), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += latency.count[i];
    if (seen >= rank && seen > 0) {
      if (i < STEPS) return i / 1000.0;
      int shift = i / STEPS - 1;
      return ((double)(STEPS + i % STEPS) + 0.5) * (double)(1ull << shift) / 1000.0;
    }
  }
  return 0;
}

static void note_failure(const char *what, const char *detail) {
  phase.failed++;
  if (first_failure[0] == 0) snprintf(first_failure, sizeof first_failure, "%s: %.100s", what, detail);
}

static void watch(Device *d, uint32_t events) {
  if (d->events == events) return;
  struct epoll_event event = {.events = events, .data.ptr = d};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, d->fd, &event);
  d->events = events;
}

static void remove_device(Device *d) {
  if (d->state == LIVE) alive--;
  else if (d->state == CLOSING) closing--;
  else pending--;
  ERR_clear_error();
  SSL_free(d->ssl);
  close(d->fd);
  devices[d->index] = NULL;
  free(d);
}

static void fail_device(Device *d, const char *what) {
  const char *detail = ERR_peek_error() != 0 ? ERR_reason_error_string(ERR_peek_error()) : "closed by the peer";
  if (d->state != CLOSING) note_failure(what, detail == NULL ? "unknown" : detail);
  remove_device(d);
}

/* One PUBLISH of exactly PACKET_BYTES, all but its packet identifier made once. */
static void prepare_publish(Device *d) {
  char topic[32];
  int topic_length = snprintf(topic, sizeof topic, "dt/bench-%06d/data", d->index);
  int remaining = PACKET_BYTES - 3;
  uint8_t *p = d->publish;
  memset(p, 'x', PACKET_BYTES);
  p[0] = MQTT_PUBLISH | 0x02;
  p[1] = (uint8_t)(0x80 | (remaining & 0x7f));
  p[2] = (uint8_t)(remaining >> 7);
  p[3] = 0;
  p[4] = (uint8_t)topic_length;
  memcpy(p + 5, topic, (size_t)topic_length);
  d->publish_id_at = 5 + topic_length;
}

static void open_device(int index) {
  Device *d = calloc(1, sizeof *d);
  if (d == NULL) die("out of memory");
  d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (d->fd < 0) die("socket: %s", strerror(errno));
  set_nodelay(d->fd);
  d->index = index;
  d->started = now_ns();
  struct sockaddr_in address = loopback(port);
  if (connect(d->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
    die("connect to port %d: %s", port, strerror(errno));
  d->ssl = SSL_new(contexts[index % context_count]);
  SSL_set_fd(d->ssl, d->fd);
  SSL_set_tlsext_host_name(d->ssl, servername);
  SSL_set_connect_state(d->ssl);
  prepare_publish(d);
  d->events = EPOLLOUT;
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = d};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, d->fd, &event);
  devices[index] = d;
  pending++;
}

static bool flush_output(Device *d) {
  if (d->out_length == 0) return true;
  int written = SSL_write(d->ssl, d->out, d->out_length);
  if (written > 0) {
    d->out_length = 0;
    watch(d, EPOLLIN);
    return true;
  }
  int error = SSL_get_error(d->ssl, written);
  if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) return false;
  watch(d, EPOLLIN | EPOLLOUT);
  return true;
}

static void put_connect(Device *d) {
  static const uint8_t head[] = {MQTT_CONNECT, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x02, 0x02, 0x58, 0};
  uint8_t *p = d->out;
  memcpy(p, head, sizeof head);
  int id_length = sprintf((char *)p + 14, "bench-%06d", d->index);
  p[13] = (uint8_t)id_length;
  p[1] = (uint8_t)(12 + id_length);
  d->out_length = 14 + id_length;
}

/* `due`: what its latency is counted from. */
static void put_publish(Device *d, uint64_t due) {
  if (++d->next_id == 0) d->next_id = 1;
  int slot = d->next_id % MAX_IN_FLIGHT;
  d->sent_id[slot] = d->next_id;
  d->sent_at[slot] = due;
  d->publish[d->publish_id_at] = (uint8_t)(d->next_id >> 8);
  d->publish[d->publish_id_at + 1] = (uint8_t)d->next_id;
  memcpy(d->out + d->out_length, d->publish, PACKET_BYTES);
  d->out_length += PACKET_BYTES;
  d->outstanding++;
  phase.sent++;
}

/* Says goodbye and waits for the peer's end, so that no side sees a reset. */
static void close_device(Device *d) {
  if (d->state == LIVE) alive--;
  else pending--;
  d->state = CLOSING;
  closing++;
  d->out[0] = MQTT_DISCONNECT;
  d->out[1] = 0;
  SSL_write(d->ssl, d->out, 2);
  SSL_shutdown(d->ssl);
  ERR_clear_error();
  d->out_length = 0;
  shutdown(d->fd, SHUT_WR);
  watch(d, EPOLLIN);
}

static bool handle_puback(Device *d, uint16_t id, uint64_t now) {
  int slot = id % MAX_IN_FLIGHT;
  if (d->sent_id[slot] != id) {
    note_failure("PUBACK", "a packet identifier that is not in flight");
    return true;
  }
  d->sent_id[slot] = 0;
  d->outstanding--;
  phase.acknowledged++;
  record(now - d->sent_at[slot]);
  if (phase.mode == PUBLISHING && now < phase.deadline) put_publish(d, now);
  return true;
}

/* False: the device is gone. */
static bool handle_packet(Device *d, const uint8_t *packet, int length, uint64_t now) {
  switch (packet[0] & 0xf0) {
    case MQTT_CONNACK:
      if (d->state != AWAITING_CONNACK || length != 4 || packet[3] != 0) {
        fail_device(d, "CONNACK refused or out of turn");
        return false;
      }
      record(now - d->started);
      pending--;
      alive++;
      d->state = LIVE;
      if (phase.mode == STORMING) close_device(d);
      return true;
    case MQTT_PUBACK:
      if (length == 4) return handle_puback(d, (uint16_t)((packet[2] << 8) | packet[3]), now);
      /* fall through */
    default:
      note_failure("packet", "of a type that a device did not expect");
      return true;
  }
}

/* False: the device is gone. */
static bool handle_bytes(Device *d, const uint8_t *bytes, int count) {
  uint64_t now = now_ns();
  int at = 0;
  while (at < count) {
    int header = 0;
    int length = packet_length(bytes + at, count - at, &header);
    if (length < 0) {
      fail_device(d, "malformed packet");
      return false;
    }
    if (length == 0 || at + length > count) break;
    if (!handle_packet(d, bytes + at, length, now)) return false;
    at += length;
  }
  d->in_length = count - at;
  if (d->in_length > CARRY_BYTES) {
    fail_device(d, "packet larger than any that a device expects");
    return false;
  }
  memmove(d->in, bytes + at, (size_t)d->in_length);
  return true;
}

static bool shake(Device *d) {
  int result = SSL_do_handshake(d->ssl);
  if (result == 1) {
    d->shaken = true;
    d->state = AWAITING_CONNACK;
    put_connect(d);
    watch(d, EPOLLIN);
    return true;
  }
  int error = SSL_get_error(d->ssl, result);
  if (error == SSL_ERROR_WANT_READ) watch(d, EPOLLIN);
  else if (error == SSL_ERROR_WANT_WRITE) watch(d, EPOLLOUT);
  else {
    fail_device(d, "TLS handshake");
    return false;
  }
  return true;
}

static void handle_readiness(Device *d) {
  uint8_t buffer[CARRY_BYTES + 4096];
  if (!d->shaken && (!shake(d) || !d->shaken)) return;
  if (d->state == AWAITING_CONNACK && d->out_length > 0 && !flush_output(d)) {
    fail_device(d, "writing CONNECT");
    return;
  }
  do {
    memcpy(buffer, d->in, (size_t)d->in_length);
    int n = SSL_read(d->ssl, buffer + d->in_length, 4096);
    if (n <= 0) {
      if (SSL_get_error(d->ssl, n) == SSL_ERROR_WANT_READ) break;
      fail_device(d, "connection ended");
      return;
    }
    if (!handle_bytes(d, buffer, d->in_length + n)) return;
  } while (SSL_has_pending(d->ssl));
  if (d->state != CLOSING && !flush_output(d)) fail_device(d, "writing");
}

/* Waits at most `wait_ns` for events and handles them. */
static void turn(uint64_t wait_ns) {
  struct epoll_event events[256];
  struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
  int n = epoll_pwait2(epoll_fd, events, 256, &wait, NULL);
  for (int i = 0; i < n; i++) handle_readiness(events[i].data.ptr);
}

static void begin(Mode mode) {
  memset(&phase, 0, sizeof phase);
  memset(&latency, 0, sizeof latency);
  first_failure[0] = 0;
  phase.mode = mode;
}

static void report(const char *command, uint64_t count, uint64_t started, uint64_t cpu_started) {
  printf("{\"event\":\"done\",\"command\":\"%s\",\"count\":%lu,\"failed\":%lu,\"skipped\":%lu,\"live\":%d,"
         "\"elapsedNs\":%lu,\"cpuNs\":%lu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"maxUs\":%.1f,\"meanUs\":%.1f,"
         "\"firstFailure\":\"%s\"}\n",
         command, count, phase.failed, phase.skipped, alive, now_ns() - started, cpu_ns() - cpu_started,
         percentile_us(0.5), percentile_us(0.99), (double)latency.max / 1000.0,
         latency.total == 0 ? 0.0 : latency.sum / (double)latency.total / 1000.0, first_failure);
  fflush(stdout);
  phase.mode = IDLE;
}

static void reserve(int count) {
  if (count <= device_capacity) return;
  devices = realloc(devices, (size_t)count * sizeof *devices);
  if (devices == NULL) die("out of memory");
  memset(devices + device_capacity, 0, (size_t)(count - device_capacity) * sizeof *devices);
  device_capacity = count;
}

static void drain_closing(uint64_t limit_ns) {
  uint64_t limit = now_ns() + limit_ns;
  while (closing > 0 && now_ns() < limit) turn(10000000);
  for (int i = 0; i < device_capacity; i++)
    if (devices[i] != NULL && devices[i]->state == CLOSING) {
      phase.skipped++;
      remove_device(devices[i]);
    }
}

/* Opens devices next_index … until `count` have been tried, at most `concurrency` unfinished at a time. */
static void connect_devices(int count, int concurrency, uint64_t limit) {
  int opened = 0;
  while (opened < count || pending > 0) {
    while (opened < count && pending < concurrency) {
      open_device(next_index++);
      opened++;
    }
    turn(10000000);
    if (now_ns() > limit) {
      note_failure("connect", "not finished within the command's time");
      return;
    }
  }
}

static void run_storm(int count, int concurrency) {
  uint64_t started = now_ns(), cpu_started = cpu_ns();
  begin(STORMING);
  next_index = 0;
  reserve(count);
  connect_devices(count, concurrency, started + COMMAND_LIMIT_NS);
  drain_closing(5000000000ull);
  report("storm", latency.total, started, cpu_started);
}

static void run_open(int count, int concurrency) {
  uint64_t started = now_ns(), cpu_started = cpu_ns();
  begin(OPENING);
  reserve(count);
  next_index = alive;
  connect_devices(count - alive, concurrency, started + COMMAND_LIMIT_NS);
  report("open", latency.total, started, cpu_started);
}

static bool any_outstanding(void) { return phase.acknowledged < phase.sent && alive > 0; }

static void await_acknowledgements(void) {
  uint64_t limit = now_ns() + 5000000000ull;
  while (any_outstanding() && now_ns() < limit) turn(10000000);
  if (phase.acknowledged < phase.sent) note_failure("publish", "messages without PUBACK");
}

static void run_publish(int inflight, int ms) {
  uint64_t started = now_ns(), cpu_started = cpu_ns();
  begin(PUBLISHING);
  phase.deadline = started + (uint64_t)ms * 1000000u;
  if (inflight > MAX_IN_FLIGHT) inflight = MAX_IN_FLIGHT;
  for (int i = 0; i < device_capacity; i++) {
    Device *d = devices[i];
    if (d == NULL || d->state != LIVE) continue;
    for (int k = 0; k < inflight; k++) put_publish(d, now_ns());
    if (!flush_output(d)) fail_device(d, "writing");
  }
  while (now_ns() < phase.deadline && alive > 0) turn(10000000);
  await_acknowledgements();
  report("publish", phase.acknowledged, started, cpu_started);
}

static Device *next_live(void) {
  static int at;
  for (int tried = 0; tried < device_capacity; tried++) {
    at = (at + 1) % device_capacity;
    if (devices[at] != NULL && devices[at]->state == LIVE) return devices[at];
  }
  return NULL;
}

static void run_pace(int rate, int ms) {
  uint64_t started = now_ns(), cpu_started = cpu_ns();
  uint64_t distance = 1000000000ull / (uint64_t)(rate > 0 ? rate : 1), due = started;
  begin(PACING);
  phase.deadline = started + (uint64_t)ms * 1000000u;
  while (due < phase.deadline) {
    uint64_t now = now_ns();
    if (now < due) {
      turn(due - now);
      continue;
    }
    Device *d = next_live();
    if (d == NULL) break;
    if (d->outstanding >= MAX_IN_FLIGHT - 1 || d->out_length > 0) phase.skipped++;
    else {
      put_publish(d, due);
      if (!flush_output(d)) fail_device(d, "writing");
    }
    due += distance;
  }
  await_acknowledgements();
  report("pace", phase.acknowledged, started, cpu_started);
}

static void run_close(void) {
  uint64_t started = now_ns(), cpu_started = cpu_ns();
  uint64_t count = (uint64_t)alive;
  begin(ENDING);
  for (int i = 0; i < device_capacity; i++)
    if (devices[i] != NULL && devices[i]->state == LIVE) close_device(devices[i]);
  drain_closing(10000000000ull);
  report("close", count, started, cpu_started);
}

static void open_contexts(const char *prefix, int count) {
  if (count < 1 || count > MAX_CERTS) die("expected 1 to %d certificates, got %d", MAX_CERTS, count);
  for (int i = 0; i < count; i++) {
    char cert[512], key[512];
    snprintf(cert, sizeof cert, "%s%d.pem", prefix, i);
    snprintf(key, sizeof key, "%s%d.key", prefix, i);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1) die_tls(cert);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) die_tls(key);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    /* Every handshake is a full one, and what the proxy costs does not depend on a device's own checks. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    contexts[i] = context;
  }
  context_count = count;
}

static void obey(const char *line) {
  char verb[16] = "";
  int first = 0, second = 0;
  sscanf(line, "%15s %d %d", verb, &first, &second);
  if (second < 1) second = 1;
  if (strcmp(verb, "storm") == 0) run_storm(first, second);
  else if (strcmp(verb, "open") == 0) run_open(first, second);
  else if (strcmp(verb, "publish") == 0) run_publish(first, second);
  else if (strcmp(verb, "pace") == 0) run_pace(first, second);
  else if (strcmp(verb, "close") == 0) run_close();
  else die("unknown command: %s", line);
}

int main(int argc, char **argv) {
  const char *certs = NULL;
  int count = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--port") == 0) port = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--certs") == 0) certs = argv[i + 1];
    else if (strcmp(argv[i], "--cert-count") == 0) count = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--servername") == 0) servername = argv[i + 1];
    else die("unknown option: %s", argv[i]);
  }
  if (certs == NULL || port == 0) die("usage: load --port PORT --certs PREFIX --cert-count N [--servername NAME]");
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1);
  raise_fd_limit();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  open_contexts(certs, count);
  printf("{\"event\":\"ready\"}\n");
  fflush(stdout);
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "quit", 4) != 0) obey(line);
  return 0;
}
