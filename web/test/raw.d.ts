/** A file's text, as Vite gives it. */
declare module '*?raw' {
  const text: string;
  export default text;
}

/** Files by a pattern, as Vite gives them. */
interface ImportMeta {
  glob(patterns: string[], options: { query: '?raw'; import: 'default'; eager: true }): Record<string, unknown>;
}
