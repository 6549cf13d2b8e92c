/* A probe that waits until it is told to stop, as one does that asks a server which never answers. */
#define _GNU_SOURCE
#include "icescope_plugin.h"

#include <string.h>
#include <time.h>

struct ics_instance {
  const ics_host *host;
  ics_ctx *ctx;
};

#define TEXT(literal) { (literal), sizeof(literal) - 1 }

static ics_status run(ics_instance *self, const ics_request *request, uint32_t *outcome, ics_error *error) {
  (void)request, (void)outcome, (void)error;
  const struct timespec moment = { .tv_nsec = 1000000 };
  while (!self->host->cancelled(self->ctx)) nanosleep(&moment, 0);
  return ICS_E_CANCELLED;
}

static ics_status create(const ics_host *host, ics_ctx *ctx, ics_str config, ics_instance **instance, ics_error *error) {
  (void)config, (void)error;
  static ics_instance self;
  self = (ics_instance){ host, ctx };
  *instance = &self;
  return ICS_OK;
}

static void destroy(ics_instance *self) {
  (void)self;
}

static const void *query(ics_instance *self, const char *id) {
  static const ics_probe probe = { .size = sizeof probe, .run = run };
  (void)self;
  return strcmp(id, "icescope.probe/1") == 0 ? &probe : 0;
}

ICS_EXPORT const ics_module *icescope_module_v1(void) {
  static const ics_plugin plugin = {
    .size = sizeof plugin,
    .id = TEXT("org.icescope.test.waiting"),
    .kind = TEXT("icescope.probe/1"),
    .name = TEXT("waiting"),
    .version = TEXT("1"),
    .vendor = TEXT("icescope"),
    .license = TEXT("MIT OR Apache-2.0"),
    .create = create,
    .destroy = destroy,
    .query = query,
  };
  static const ics_plugin *const plugins[] = { &plugin };
  static const ics_module module = {
    .size = sizeof module, .abi_minor = ICS_ABI_MINOR, .needs_minor = 0, .n_plugins = 1, .plugins = plugins,
  };
  return &module;
}
