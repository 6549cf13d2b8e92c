/* An example of a probe in C. It needs the contract's header and libc, nothing else:
 *
 *   cc -shared -fPIC -fvisibility=hidden -O2 -I plugins/abi/include -o libprobe_c.so plugins/examples/probe-c/probe.c
 *
 * It reports what this host has to speak with: its network interfaces with an address, and the resolution of the clock
 * that packets are timed with. One event for each, and one document `org.example.host/1`.
 *
 * Configuration: none, an empty table. Arguments of a run: none are read. */
#define _GNU_SOURCE
#include "icescope_plugin.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ics_instance {
  const ics_host *host; /* valid until destroy() returns */
  ics_ctx *ctx;
};

/* What one run counts. */
struct found {
  unsigned ipv4, ipv6, loopback;
  int64_t clock_ns;
};

#define STATIC_TEXT(literal) { (literal), sizeof(literal) - 1 }
#define TEXT(literal) ((ics_str)STATIC_TEXT(literal))

static ics_str text(const char *ended_by_null) {
  return (ics_str){ ended_by_null, strlen(ended_by_null) };
}

/* Writes a message into the host's memory, cut to what fits, and gives `status` back. */
static ics_status fail(ics_error *error, ics_status status, const char *pointer, const char *format, ...) {
  if (error && error->text && error->cap > 0) {
    va_list values;
    va_start(values, format);
    int length = vsnprintf(error->text, error->cap, format, values);
    va_end(values);
    error->len = length < 0 ? 0 : (uint32_t)length < error->cap ? (uint32_t)length : error->cap - 1;
    snprintf(error->pointer, sizeof error->pointer, "%s", pointer);
  }
  return status;
}

/* ---- what a run does ---- */

static void tell_interface(const ics_instance *self, uint64_t run, const struct ifaddrs *entry) {
  ics_addr address = { .proto = 17 };
  if (entry->ifa_addr->sa_family == AF_INET) {
    address.family = 4;
    memcpy(address.ip, &((const struct sockaddr_in *)entry->ifa_addr)->sin_addr, 4);
  } else {
    address.family = 6;
    memcpy(address.ip, &((const struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr, 16);
  }
  const ics_attr facts[] = {
    { .key = TEXT("interface"), .type = ICS_T_STR, .v.s = text(entry->ifa_name) },
    { .key = TEXT("address"), .type = ICS_T_ADDR, .v.a = address },
    { .key = TEXT("up"), .type = ICS_T_BOOL, .v.b = (entry->ifa_flags & IFF_UP) != 0 },
  };
  char summary[128];
  int length = snprintf(summary, sizeof summary, "%s has an IPv%u address", entry->ifa_name, address.family);
  const ics_event event = {
    .size = sizeof event,
    .level = ICS_INFO,
    .schema = TEXT("org.example.host.interface/1"),
    .summary = { summary, length < 0 ? 0 : (size_t)length < sizeof summary ? (size_t)length : sizeof summary - 1 },
    .time_ns = self->host->now_ns(self->ctx),
    .parent = run,
    .n_attrs = sizeof facts / sizeof *facts,
    .attrs = facts,
    .from_lane = ICS_LANE_PEER,
    .to_lane = ICS_LANE_PEER,
    .evidence = ICS_EVIDENCE_API,
  };
  /* ICS_DROPPED means that the host is full; the report has the numbers all the same. */
  (void)self->host->emit(self->ctx, &event);
}

/* Counts addresses; 0 on success. */
static int count_interfaces(const ics_instance *self, uint64_t run, struct found *found) {
  struct ifaddrs *first;
  if (getifaddrs(&first) != 0) return -1;
  for (const struct ifaddrs *entry = first; entry; entry = entry->ifa_next) {
    if (self->host->cancelled(self->ctx)) break;
    if (!entry->ifa_addr) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    if (entry->ifa_flags & IFF_LOOPBACK) found->loopback++;
    else if (family == AF_INET) found->ipv4++;
    else found->ipv6++;
    tell_interface(self, run, entry);
  }
  freeifaddrs(first);
  return 0;
}

static void tell_clock(const ics_instance *self, uint64_t run, int64_t clock_ns) {
  const ics_attr facts[] = { { .key = TEXT("resolution"), .type = ICS_T_NS, .v.i = clock_ns } };
  const ics_event event = {
    .size = sizeof event,
    .level = ICS_INFO,
    .schema = TEXT("org.example.host.clock/1"),
    .summary = TEXT("the resolution of CLOCK_MONOTONIC"),
    .time_ns = self->host->now_ns(self->ctx),
    .parent = run,
    .n_attrs = 1,
    .attrs = facts,
    .from_lane = ICS_LANE_PEER,
    .to_lane = ICS_LANE_PEER,
    .evidence = ICS_EVIDENCE_API,
  };
  (void)self->host->emit(self->ctx, &event);
}

static ics_status report(const ics_instance *self, uint64_t run, const struct found *found, uint32_t outcome) {
  char json[256];
  snprintf(json, sizeof json,
           "{\"ipv4Addresses\":%u,\"ipv6Addresses\":%u,\"loopbackAddresses\":%u,\"clockResolutionNs\":%" PRId64 "}",
           found->ipv4, found->ipv6, found->loopback, found->clock_ns);
  const ics_report document = {
    .size = sizeof document,
    .outcome = outcome,
    .span = run,
    .schema = TEXT("org.example.host/1"),
    .subject = TEXT("host"),
    .json = text(json),
  };
  return self->host->report(self->ctx, &document);
}

static ics_status run(ics_instance *self, const ics_request *request, uint32_t *outcome, ics_error *error) {
  struct found found = { 0 };
  struct timespec resolution;
  if (clock_getres(CLOCK_MONOTONIC, &resolution) != 0) {
    return fail(error, ICS_E_UNSUPPORTED, "", "clock_getres(CLOCK_MONOTONIC) failed");
  }
  found.clock_ns = (int64_t)resolution.tv_sec * 1000000000 + resolution.tv_nsec;
  tell_clock(self, request->span, found.clock_ns);
  if (count_interfaces(self, request->span, &found) != 0) {
    return fail(error, ICS_E_FAIL, "", "getifaddrs() failed: the interfaces cannot be listed");
  }
  if (self->host->cancelled(self->ctx)) return fail(error, ICS_E_CANCELLED, "", "cancelled by the host");
  /* A host without any address but loopback cannot be reached from another. */
  *outcome = found.ipv4 + found.ipv6 > 0 ? ICS_PASS : ICS_FAILED;
  return report(self, request->span, &found, *outcome) == ICS_OK
             ? ICS_OK
             : fail(error, ICS_E_FAIL, "", "the host took no report");
}

/* ---- what the host sees ---- */

static ics_status create(const ics_host *host, ics_ctx *ctx, ics_str config, ics_instance **instance, ics_error *error) {
  /* Only what minor 0 has is used, so one check is enough. */
  if (!ICS_HAS(host, ics_host, query)) return fail(error, ICS_E_UNSUPPORTED, "", "the host's table is too short");
  if (config.len > 2 && memchr(config.ptr, ':', config.len)) {
    return fail(error, ICS_E_CONFIG, "", "this probe has no configuration; leave its table empty");
  }
  ics_instance *self = malloc(sizeof *self);
  if (!self) return fail(error, ICS_E_FAIL, "", "no memory");
  *self = (ics_instance){ .host = host, .ctx = ctx };
  *instance = self;
  return ICS_OK;
}

static void destroy(ics_instance *self) {
  free(self);
}

static const void *query(ics_instance *self, const char *id) {
  static const ics_probe probe = { .size = sizeof probe, .run = run };
  (void)self;
  return strcmp(id, "icescope.probe/1") == 0 ? &probe : NULL;
}

ICS_EXPORT const ics_module *icescope_module_v1(void) {
  static const ics_plugin plugin = {
    .size = sizeof plugin,
    .id = STATIC_TEXT("org.icescope.example.probe-c"),
    .kind = STATIC_TEXT("icescope.probe/1"),
    .name = STATIC_TEXT("Host facts, in C"),
    .version = STATIC_TEXT("1.0.0"),
    .vendor = STATIC_TEXT("icescope"),
    .license = STATIC_TEXT("MIT OR Apache-2.0"),
    .config_schema = STATIC_TEXT("{\"type\":\"object\",\"additionalProperties\":false}"),
    .create = create,
    .destroy = destroy,
    .query = query,
  };
  static const ics_plugin *const plugins[] = { &plugin };
  static const ics_module module = {
    .size = sizeof module,
    .abi_minor = ICS_ABI_MINOR,
    .needs_minor = 0,
    .n_plugins = 1,
    .plugins = plugins,
  };
  return &module;
}
