import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds the daemon; the daemon's allowed-hosts and allowed-origins must name the dev server. */
const daemon = process.env.ICESCOPE_URL ?? 'http://127.0.0.1:8085';

/** What uPlot hangs on its own function without being asked: a bundler cannot tell that nobody uses it. It makes 2.5 KB of the page's 100. */
const UNUSED = ['join', 'fmtDate', 'tzDate', 'rangeLog', 'rangeAsinh', 'stepped', 'bars', 'spline'];

/** Leaves it out. */
const smallerPlot: Plugin = {
  name: 'smaller-plot',
  transform(code, id) {
    if (!id.endsWith('/uPlot.esm.js')) return null;
    return UNUSED.reduce((rest, name) => {
      const line = new RegExp(`^\\s*\\(?(uPlot|paths)\\.${name} += \\w+\\)?;$`, 'm');
      if (!line.test(rest)) throw new Error(`uPlot no longer has ${name} where vite.config.ts takes it out`);
      return rest.replace(line, '');
    }, code);
  },
};

export default defineConfig({
  plugins: [smallerPlot],
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
