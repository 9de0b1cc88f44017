/*
 * A broker that costs almost nothing: TLS, CONNACK, PUBACK, SUBACK, PINGRESP, and no state between connections.
 * One process, one thread, several ports (each port is one broker).
 *
 *   broker-stub --cert FILE --key FILE [--ca FILE] PORTS
 *
 * PORTS is how many free ports it binds on 127.0.0.1; with --ca a client certificate is required. It prints
 * {"event":"ready","ports":[...]}, then answers each line `stats` on its standard input with one JSON line, and ends at
 * `quit` or at the end of its input.
 */
#include "wire.h"

#define MAX_PORTS 8
#define IN_BYTES 8192
#define OUT_BYTES 8192

typedef struct {
  int fd;
  int port_index;
  SSL *ssl;
  bool shaken;
  int in_length;
  int out_length;
  uint32_t events;
  uint8_t version;
  uint8_t in[IN_BYTES];
  uint8_t out[OUT_BYTES];
} Connection;

typedef struct {
  uint64_t handshakes, resumed, failed, connects, publishes, live;
} Counters;

static Counters counters[MAX_PORTS];
static int listeners[MAX_PORTS], ports[MAX_PORTS], port_count;
static int epoll_fd;
static SSL_CTX *context;

static void watch(Connection *c, uint32_t events) {
  if (c->events == events) return;
  struct epoll_event event = {.events = events, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
  c->events = events;
}

static void end_connection(Connection *c) {
  counters[c->port_index].live--;
  if (c->shaken) SSL_shutdown(c->ssl);
  ERR_clear_error();
  SSL_free(c->ssl);
  close(c->fd);
  free(c);
}

static void accept_all(int index) {
  for (;;) {
    int fd = accept4(listeners[index], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    set_nodelay(fd);
    Connection *c = calloc(1, sizeof *c);
    if (c == NULL) die("out of memory");
    c->fd = fd;
    c->port_index = index;
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, fd);
    SSL_set_accept_state(c->ssl);
    c->events = EPOLLIN;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    counters[index].live++;
  }
}

static bool put(Connection *c, const uint8_t *bytes, int length) {
  if (c->out_length + length > OUT_BYTES) return false;
  memcpy(c->out + c->out_length, bytes, (size_t)length);
  c->out_length += length;
  return true;
}

/* CONNECT, PUBLISH and the rest; false: close the connection. */
static bool handle_packet(Connection *c, const uint8_t *packet, int header, int length) {
  const uint8_t *body = packet + header;
  int body_length = length - header;
  switch (packet[0] & 0xf0) {
    case MQTT_CONNECT: {
      int name_length = body_length > 2 ? (body[0] << 8) | body[1] : 0;
      if (body_length < name_length + 3) return false;
      c->version = body[2 + name_length];
      counters[c->port_index].connects++;
      if (c->version == 5) return put(c, (const uint8_t[]){MQTT_CONNACK, 3, 0, 0, 0}, 5);
      return put(c, (const uint8_t[]){MQTT_CONNACK, 2, 0, 0}, 4);
    }
    case MQTT_PUBLISH: {
      counters[c->port_index].publishes++;
      if ((packet[0] & 0x06) == 0) return true;
      if ((packet[0] & 0x06) != 0x02 || body_length < 2) return false;
      int at = 2 + ((body[0] << 8) | body[1]);
      if (body_length < at + 2) return false;
      return put(c, (const uint8_t[]){MQTT_PUBACK, 2, body[at], body[at + 1]}, 4);
    }
    case MQTT_SUBSCRIBE:
      if (body_length < 2) return false;
      if (c->version == 5) return put(c, (const uint8_t[]){MQTT_SUBACK, 4, body[0], body[1], 0, 1}, 6);
      return put(c, (const uint8_t[]){MQTT_SUBACK, 3, body[0], body[1], 1}, 5);
    case MQTT_PINGREQ:
      return put(c, (const uint8_t[]){MQTT_PINGRESP, 0}, 2);
    default:
      return false;
  }
}

static bool handle_input(Connection *c) {
  int at = 0;
  while (at < c->in_length) {
    int header = 0;
    int length = packet_length(c->in + at, c->in_length - at, &header);
    if (length < 0 || length > IN_BYTES) return false;
    if (length == 0 || at + length > c->in_length) break;
    if (!handle_packet(c, c->in + at, header, length)) return false;
    at += length;
  }
  if (at > 0) {
    c->in_length -= at;
    memmove(c->in, c->in + at, (size_t)c->in_length);
  }
  return true;
}

static bool flush_output(Connection *c) {
  if (c->out_length == 0) return true;
  int written = SSL_write(c->ssl, c->out, c->out_length);
  if (written > 0) {
    c->out_length = 0;
    watch(c, EPOLLIN);
    return true;
  }
  int error = SSL_get_error(c->ssl, written);
  if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) return false;
  watch(c, EPOLLIN | EPOLLOUT);
  return true;
}

static bool shake(Connection *c) {
  int result = SSL_do_handshake(c->ssl);
  if (result == 1) {
    c->shaken = true;
    counters[c->port_index].handshakes++;
    if (SSL_session_reused(c->ssl)) counters[c->port_index].resumed++;
    watch(c, EPOLLIN);
    return true;
  }
  int error = SSL_get_error(c->ssl, result);
  if (error == SSL_ERROR_WANT_READ) watch(c, EPOLLIN);
  else if (error == SSL_ERROR_WANT_WRITE) watch(c, EPOLLIN | EPOLLOUT);
  else {
    counters[c->port_index].failed++;
    return false;
  }
  return true;
}

/* False: the connection is over. */
static bool handle_readiness(Connection *c) {
  if (!c->shaken) {
    if (!shake(c)) return false;
    if (!c->shaken) return true;
  }
  do {
    int room = IN_BYTES - c->in_length;
    int n = SSL_read(c->ssl, c->in + c->in_length, room);
    if (n <= 0) {
      int error = SSL_get_error(c->ssl, n);
      if (error == SSL_ERROR_WANT_READ) break;
      return false;
    }
    c->in_length += n;
    if (!handle_input(c)) {
      flush_output(c);
      return false;
    }
  } while (SSL_has_pending(c->ssl));
  return flush_output(c);
}

static void print_stats(void) {
  Counters sum = {0};
  for (int i = 0; i < port_count; i++) {
    sum.handshakes += counters[i].handshakes;
    sum.resumed += counters[i].resumed;
    sum.failed += counters[i].failed;
    sum.connects += counters[i].connects;
    sum.publishes += counters[i].publishes;
    sum.live += counters[i].live;
  }
  printf("{\"event\":\"stats\",\"handshakes\":%lu,\"resumed\":%lu,\"failed\":%lu,\"connects\":%lu,\"publishes\":%lu,"
         "\"live\":%lu,\"connectsByPort\":[",
         sum.handshakes, sum.resumed, sum.failed, sum.connects, sum.publishes, sum.live);
  for (int i = 0; i < port_count; i++) printf("%s%lu", i == 0 ? "" : ",", counters[i].connects);
  printf("],\"cpuNs\":%lu}\n", cpu_ns());
  fflush(stdout);
}

/* False: time to end. */
static bool handle_command(void) {
  static char line[256];
  static size_t length;
  ssize_t n = read(0, line + length, sizeof line - 1 - length);
  if (n <= 0) return false;
  length += (size_t)n;
  line[length] = 0;
  for (char *end; (end = strchr(line, '\n')) != NULL;) {
    *end = 0;
    if (strcmp(line, "quit") == 0) return false;
    if (strcmp(line, "stats") == 0) print_stats();
    length -= (size_t)(end + 1 - line);
    memmove(line, end + 1, length + 1);
  }
  if (length == sizeof line - 1) length = 0;
  return true;
}

static void open_listeners(int count) {
  if (count < 1 || count > MAX_PORTS) die("expected 1 to %d ports, got %d", MAX_PORTS, count);
  for (int i = 0; i < count; i++) {
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
      die("cannot listen: %s", strerror(errno));
    getsockname(fd, (struct sockaddr *)&address, &size);
    listeners[i] = fd;
    ports[i] = ntohs(address.sin_port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listeners[i]};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
  port_count = count;
}

static void open_context(const char *cert, const char *key, const char *ca) {
  context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, cert) != 1) die_tls("certificate");
  if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) die_tls("key");
  SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_id_context(context, (const uint8_t *)"stub", 4);
  if (ca != NULL) {
    if (SSL_CTX_load_verify_locations(context, ca, NULL) != 1) die_tls("ca");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  }
}

static void serve(void) {
  struct epoll_event events[256];
  for (;;) {
    int n = epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < n; i++) {
      void *source = events[i].data.ptr;
      if (source == NULL) {
        if (!handle_command()) return;
      } else if (source >= (void *)listeners && source < (void *)(listeners + MAX_PORTS)) {
        accept_all((int)((int *)source - listeners));
      } else if (!handle_readiness(source)) {
        end_connection(source);
      }
    }
  }
}

int main(int argc, char **argv) {
  const char *cert = NULL, *key = NULL, *ca = NULL, *count = "1";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--cert") == 0 && i + 1 < argc) cert = argv[++i];
    else if (strcmp(argv[i], "--key") == 0 && i + 1 < argc) key = argv[++i];
    else if (strcmp(argv[i], "--ca") == 0 && i + 1 < argc) ca = argv[++i];
    else count = argv[i];
  }
  if (cert == NULL || key == NULL) die("usage: broker-stub --cert FILE --key FILE [--ca FILE] PORTS");
  signal(SIGPIPE, SIG_IGN);
  raise_fd_limit();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  open_context(cert, key, ca);
  open_listeners(atoi(count));
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &event);
  printf("{\"event\":\"ready\",\"ports\":[");
  for (int i = 0; i < port_count; i++) printf("%s%d", i == 0 ? "" : ",", ports[i]);
  printf("]}\n");
  fflush(stdout);
  serve();
  return 0;
}
