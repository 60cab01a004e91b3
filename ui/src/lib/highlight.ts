// SQL, TOML and Python as coloured words; only as much grammar as colours need.

export interface Token {
  text: string;
  kind: '' | 'word' | 'name' | 'text' | 'number' | 'comment' | 'call';
}

const SQL_WORDS = new Set(
  (
    'select from where group by having order limit offset qualify window over partition rows range between and or not in is ' +
    'null true false as on using join left right full inner outer cross lateral asof semi anti natural union all except ' +
    'intersect distinct case when then else end cast try_cast like ilike similar to exists values with recursive asc desc ' +
    'nulls first last filter unnest pivot unpivot exclude replace sample interval escape any some at version timestamp date'
  ).split(' '),
);
const PYTHON_WORDS = new Set(
  (
    'def class return import from as if elif else for while in is not and or None True False with try except finally raise ' +
    'lambda yield async await pass break continue global nonlocal assert del match case'
  ).split(' '),
);

const SQL = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$))|(\b\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b)|([\p{L}_][\p{L}\p{N}_$]*)/giu;
const PYTHON = /(#[^\n]*)|("""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(@[\w.]+)|(\b\d[\d_]*(?:\.\d+)?\b)|([\p{L}_][\p{L}\p{N}_]*)/gu;
const TOML = /(#[^\n]*)|("""[\s\S]*?(?:"""|$)|"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?)|(^\s*\[[^\]\n]*\]+)|(\b\d[\d_.:-]*\b)|([\p{L}_][\p{L}\p{N}_-]*)/gmu;

/** The text cut into tokens; joined again they are the text. */
export function tokens(text: string, language: string): Token[] {
  if (language === 'sql') return cut(text, SQL, sqlWord(text));
  if (language === 'python') return cut(text, PYTHON, (word) => (PYTHON_WORDS.has(word) ? 'word' : ''));
  if (language === 'toml') return cut(text, TOML, (word) => (word === 'true' || word === 'false' ? 'word' : ''));
  return [{ text, kind: '' }];
}

const sqlWord =
  (text: string) =>
  (word: string, end: number): Token['kind'] => {
    if (SQL_WORDS.has(word.toLowerCase())) return 'word';
    return /^\s*\(/.test(text.slice(end, end + 20)) ? 'call' : '';
  };

function cut(text: string, pattern: RegExp, ofWord: (word: string, end: number) => Token['kind']): Token[] {
  const found: Token[] = [];
  let last = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > last) found.push({ text: text.slice(last, match.index), kind: '' });
    last = match.index + match[0].length;
    const kind = match[1] ? 'comment' : match[2] ? 'text' : match[3] ? 'name' : match[4] ? 'number' : ofWord(match[0], last);
    found.push({ text: match[0], kind });
  }
  if (last < text.length) found.push({ text: text.slice(last), kind: '' });
  return found;
}
