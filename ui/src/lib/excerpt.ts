// Reads an excerpt as the terminal shows it: lines of text, and lines of carets under what is wrong in them.

export interface Line {
  before: string;
  marked: string;
  after: string;
}

const CARETS = /^([\s\d|│]*?)(\^+~*|~+)\s*(.*)$/;

/** The lines of the text, each with the part that the carets below it point at. */
export function underlined(text: string): Line[] {
  const found: Line[] = [];
  for (const line of text.replace(/\s+$/, '').split('\n')) {
    const carets = CARETS.exec(line);
    const last = found.at(-1);
    if (!carets || !last || last.marked) {
      found.push({ before: line, marked: '', after: '' });
      continue;
    }
    // Carets are laid out in characters as a reader counts them, not in UTF-16 units.
    const letters = [...last.before];
    const start = [...(carets[1] ?? '')].length;
    const end = start + (carets[2] ?? '').length;
    const note = carets[3] ? `   ${carets[3]}` : '';
    found[found.length - 1] = {
      before: letters.slice(0, start).join(''),
      marked: letters.slice(start, end).join('') || ' ',
      after: letters.slice(end).join('') + note,
    };
  }
  return found;
}
