/* A host in C for the test of the example probe: loads the library, runs the probe once, prints what it says. */
#define _GNU_SOURCE
#include "icescope_plugin.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct ics_ctx {
  int32_t cancelled;
};

static void print(ics_str text) {
  printf("%.*s", (int)text.len, text.ptr);
}

static ics_status emit(ics_ctx *ctx, const ics_event *event) {
  (void)ctx;
  printf("event ");
  print(event->schema);
  printf(" parent=%" PRIu64 " facts=%u:", event->parent, event->n_attrs);
  for (uint32_t i = 0; i < event->n_attrs; i++) {
    printf(" ");
    print(event->attrs[i].key);
  }
  printf("\n");
  return ICS_OK;
}

static ics_status report(ics_ctx *ctx, const ics_report *report) {
  (void)ctx;
  printf("report ");
  print(report->schema);
  printf(" span=%" PRIu64 " outcome=%u ", report->span, report->outcome);
  print(report->json);
  printf("\n");
  return ICS_OK;
}

static int64_t now_ns(ics_ctx *ctx) {
  struct timespec now;
  (void)ctx;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int32_t cancelled(ics_ctx *ctx) {
  return ctx->cancelled;
}

static ics_error *error(void) {
  static char text[256];
  static ics_error error;
  memset(&error, 0, sizeof error);
  error.size = sizeof error;
  error.cap = sizeof text;
  error.text = text;
  return &error;
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  const ics_module *(*entry)(void);
  *(void **)&entry = dlsym(library, "icescope_module_v1");
  const ics_module *module = entry();
  const ics_plugin *plugin = module->plugins[0];
  printf("module size=%u minor=%u needs=%u plugins=%u\n", module->size, module->abi_minor, module->needs_minor,
         module->n_plugins);
  printf("plugin ");
  print(plugin->id);
  printf(" ");
  print(plugin->kind);
  printf("\n");

  const ics_host host = { .size = sizeof host, .abi_minor = ICS_ABI_MINOR, .emit = emit, .report = report,
                          .now_ns = now_ns, .cancelled = cancelled };
  ics_ctx ctx = { 0 };
  ics_instance *instance = NULL;
  ics_error *why = error();
  const char *wrong = "{\"colour\":1}";
  ics_status status = plugin->create(&host, &ctx, (ics_str){ wrong, strlen(wrong) }, &instance, why);
  printf("create wrong status=%d %.*s\n", status, (int)why->len, why->text);
  status = plugin->create(&host, &ctx, (ics_str){ "{}", 2 }, &instance, error());
  printf("create status=%d\n", status);
  if (status != ICS_OK) return 1;

  printf("query unknown=%d\n", plugin->query(instance, "icescope.video-source/1") != NULL);
  const ics_probe *probe = plugin->query(instance, "icescope.probe/1");
  const ics_request request = { .size = sizeof request, .args_json = { "{}", 2 }, .span = 42 };
  uint32_t outcome = 0;
  status = probe->run(instance, &request, &outcome, error());
  printf("run status=%d outcome=%u\n", status, outcome);
  ctx.cancelled = 1;
  printf("run cancelled status=%d\n", probe->run(instance, &request, &outcome, error()));
  plugin->destroy(instance);
  return 0;
}
