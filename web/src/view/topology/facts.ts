import type { NatBox, Translation } from '../../state/topology/nats';
import type { EndBox } from '../../state/topology/topology';
import { texts } from '../../texts';

/** One fact of a box: what it is called, what it is, and what that means. */
export interface Fact {
  name: string;
  value: string;
  meaning?: string | undefined;
}

const words = texts.topology;

/** What is known of an end. */
export function endFacts({ end, translations, hidden, networks, interfaces }: EndBox): Fact[] {
  const facts: Fact[] = [];
  const label = words.label;
  for (const { family, local, nat, outside } of translations) {
    const name = `${words.family[family]}, ${nat === undefined ? words.maybe : nat ? words.behind : words.untranslated}`;
    if (local.length > 0) facts.push({ name, value: local.join(', ') });
    else facts.push({ name: `${words.family[family]}: ${label.local}`, value: words.unknown });
    if (nat === undefined && outside.length > 0) facts.push({ name: label.seen, value: outside.join(', ') });
  }
  if (translations.length === 0) facts.push({ name: label.local, value: words.unknown });
  if (hidden.length > 0) facts.push({ name: label.hidden, value: words.addresses(hidden.length) });
  if (end === 'browser') facts.push({ name: label.network, value: networks.join(', ') || words.unknown });
  else facts.push({ name: label.interface, value: interfaces.join(', ') || words.unknown });
  return facts;
}

/** What is known of a NAT; what is not says «unknown». */
export function natFacts({ families, isCertain, kind }: NatBox): Fact[] {
  return families.flatMap((one) => {
    const family = words.family[one.family];
    const label = words.label;
    // With a carrier's NAT before it, the public address is the carrier's.
    const isInner = kind === 'nat' && one.cgnat === true;
    const outside = {
      name: `${family}: ${isInner ? label.between : label.outside}`,
      value: (isInner ? '' : one.outside.join(', ')) || words.unknown,
    };
    if (kind === 'cgnat') return [outside];
    if (!isCertain) return [{ name: family, value: words.unknown, meaning: whyUnknown(one) }];
    return [
      outside,
      { name: label.mapping, ...behaviour(words.mapping, one.mapping) },
      { name: label.filtering, ...behaviour(words.filtering, one.filtering) },
      { name: label.ports, ...behaviour(words.ports, one.ports) },
      { name: label.hairpin, value: one.hairpin === undefined ? words.unknown : words.hairpin[`${one.hairpin}`] },
      {
        name: label.source,
        value: one.report ? words.fromReport(new Date(one.report.unixMs)) : words.fromCandidates,
        meaning: one.classicName && words.classic(one.classicName),
      },
    ];
  });
}

function behaviour(known: Readonly<Record<string, readonly [string, string]>>, name: string | undefined) {
  if (name === undefined) return { value: words.unknown };
  const [value, meaning] = known[name] ?? [name, undefined];
  return { value, meaning };
}

function whyUnknown({ local, report }: Translation): string {
  return report === undefined && local.length === 0 ? words.mdnsNat : words.noNatReport;
}
