/** Which browser it is. What is not told is absent. */
export interface BrowserFacts {
  browser?: string;
  version?: string;
  platform?: string;
  platformVersion?: string;
  architecture?: string;
  mobile?: boolean;
}

/** The part of `navigator.userAgentData` that is used (User-Agent Client Hints §4); Chromium alone has it. */
export interface ClientHints {
  mobile: boolean;
  platform: string;
  getHighEntropyValues: (hints: string[]) => Promise<{
    platformVersion?: string;
    architecture?: string;
    fullVersionList?: { brand: string; version: string }[];
  }>;
}

/** By name in the user agent's string, the particular before the general: Edge and Opera name Chrome, too, and Chrome names Safari. */
const NAMES: [string, RegExp][] = [
  ['Edge', /\bEdg(?:A|iOS)?\/([\d.]+)/],
  ['Opera', /\bOPR\/([\d.]+)/],
  ['Samsung Internet', /\bSamsungBrowser\/([\d.]+)/],
  ['Firefox', /\b(?:Firefox|FxiOS)\/([\d.]+)/],
  ['Chrome', /\b(?:HeadlessChrome|Chrome|CriOS)\/([\d.]+)/],
  ['Safari', /\bVersion\/([\d.]+)[^)]*\bSafari\//],
];

/** Reads the user agent's string. */
export function fromUserAgent(userAgent: string): BrowserFacts {
  for (const [browser, pattern] of NAMES) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return { browser, version };
  }
  return {};
}

/** Asks the browser itself, where it can be asked: the string has been frozen to its major version there. */
export async function fromClientHints(hints: ClientHints | undefined): Promise<BrowserFacts | undefined> {
  if (hints === undefined) return undefined;
  const values = await hints.getHighEntropyValues(['fullVersionList', 'platformVersion', 'architecture']);
  // One entry of the list means nothing, so that nobody relies on its order («GREASE»); «Chromium» stands for all that build on it.
  const real = (values.fullVersionList ?? []).filter(
    ({ brand }) => !/not.?a.?brand/i.test(brand.replaceAll(/[^\w]/g, '.')),
  );
  const named = real.find(({ brand }) => brand !== 'Chromium') ?? real[0];
  const facts: BrowserFacts = { platform: hints.platform, mobile: hints.mobile };
  if (named !== undefined) Object.assign(facts, { browser: named.brand, version: named.version });
  if (values.platformVersion) facts.platformVersion = values.platformVersion;
  if (values.architecture) facts.architecture = values.architecture;
  return facts;
}
