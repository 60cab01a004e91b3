// The colours of charts: six series tuned apart for light and for dark, and how far apart eyes see them.

export interface Look {
  dark: boolean;
  ground: string;
  ink: string;
  mute: string;
  line: string;
  other: string;
  series: readonly string[];
  font: string;
  /** The places of names among the series colours, where a page has given them. */
  places?: ReadonlyMap<string, number> | undefined;
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

export const LIGHT: Look = {
  dark: false,
  ground: '#fbfbfa',
  ink: '#1d2126',
  mute: '#626a74',
  line: '#e5e7ea',
  other: '#a9afb6',
  series: ['#2176b3', '#bb5728', '#4a9d6e', '#a04e8b', '#b48a04', '#8088a5'],
  font: FONT,
};

export const DARK: Look = {
  dark: true,
  ground: '#14171a',
  ink: '#e6e8ea',
  mute: '#9aa3ad',
  line: '#2c3238',
  other: '#5f6871',
  series: ['#58aee6', '#ec9451', '#87c796', '#b177b4', '#e4c34d', '#9ba5ae'],
  font: FONT,
};

export const MOST_SERIES = LIGHT.series.length;

/** The colour of a named series: the one that the page has given it, else that of its place in the chart. */
export const seriesColor = (look: Look, name: string, at: number): string => look.series[look.places?.get(name) ?? at] ?? look.other;

export const lookOf = (dark: boolean): Look => (dark ? DARK : LIGHT);

type Triple = [number, number, number];

/** The linear-light red, green and blue (0 to 1) of `#rrggbb`. */
export function linear(hex: string): Triple {
  return [1, 3, 5].map((at) => {
    const share = parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Triple;
}

function written(light: number[]): string {
  const parts = light.map((share) => {
    const held = Math.min(1, Math.max(0, share));
    const coded = held <= 0.0031308 ? held * 12.92 : 1.055 * held ** (1 / 2.4) - 0.055;
    return Math.round(coded * 255).toString(16).padStart(2, '0');
  });
  return `#${parts.join('')}`;
}

const luminance = ([red, green, blue]: Triple): number => 0.2126 * red + 0.7152 * green + 0.0722 * blue;

/** The contrast of two colours as WCAG 2 counts it: 1 to 21. */
export function contrast(one: string, other: string): number {
  const [high, low] = [luminance(linear(one)), luminance(linear(other))].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** A mix of two colours, even to the eye (in Oklab); `share` 0 is the first. */
export function mix(one: string, other: string, share: number): string {
  const [from, to] = [oklab(linear(one)), oklab(linear(other))];
  return written(unlab(from.map((value, at) => value + (to[at]! - value) * share) as Triple));
}

function unlab([light, green, blue]: Triple): Triple {
  const long = (light + 0.3963377774 * green + 0.2158037573 * blue) ** 3;
  const middle = (light - 0.1055613458 * green - 0.0638541728 * blue) ** 3;
  const low = (light - 0.0894841775 * green - 1.291485548 * blue) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * low,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * low,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * low,
  ];
}

/** The colour taken towards the ink until small text in it can be read on the ground (4.5 to 1). */
export function readable(color: string, look: Look): string {
  for (let share = 0; share < 1; share += 0.1) {
    const taken = mix(color, look.ink, share);
    if (contrast(taken, look.ground) >= 4.5) return taken;
  }
  return look.ink;
}

/** Oklab (Ottosson 2020): equal distances look about equally far apart. */
export function oklab([red, green, blue]: Triple): Triple {
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const middle = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const low = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * low,
    1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * low,
    0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * low,
  ];
}

// What eyes without one kind of cone see (Machado, Oliveira, Fernandes 2009, severity 1), in linear light.
const SEEN: Record<string, Triple[]> = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

export const EYES = Object.keys(SEEN);

/** How far apart these eyes see two colours, in Oklab; 0.02 is just noticeable, 0.07 is told apart in a line. */
export function apart(one: string, other: string, eyes: string): number {
  const [first, second] = [one, other].map((color) => {
    const light = linear(color);
    const seen = SEEN[eyes]!.map((row) => Math.min(1, Math.max(0, row[0] * light[0] + row[1] * light[1] + row[2] * light[2])));
    return oklab(seen as Triple);
  }) as [Triple, Triple];
  return Math.hypot(...first.map((value, at) => value - second[at]!));
}

/** A colour for a share between 0 and 1 of a sequence from nearly the ground to a strong blue. */
export function sequence(share: number, look: Look): string {
  const strong = look.dark ? '#8fcbf0' : '#155a8c';
  return mix(mix(look.ground, strong, 0.08), strong, Math.min(1, Math.max(0, share)));
}

/** A colour for -1 to 1: orange below zero, blue above, the ground between. */
export function diverging(share: number, look: Look): string {
  const strong = share < 0 ? look.series[1]! : look.series[0]!;
  return mix(mix(look.ground, strong, 0.08), strong, Math.min(1, Math.abs(share)));
}
