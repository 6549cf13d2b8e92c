import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds the daemon; the daemon's allowed-hosts and allowed-origins must name the dev server. */
const daemon = process.env.ICESCOPE_URL ?? 'http://127.0.0.1:8085';

export default defineConfig({
  build: {
    // The first with light-dark(), which the colours use.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // CSP default-src 'self' forbids data: URLs, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/whep', '/whip', '/offer'].map((path) => [path, { target: daemon, ws: true, changeOrigin: true }]),
    ),
  },
  test: {
    environment: 'happy-dom',
    include: ['test/**/*.test.{ts,tsx}'],
  },
});
