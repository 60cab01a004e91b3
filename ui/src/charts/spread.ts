// Labels moved apart along one line: each as near to its wish as the others allow, none overlapping.

export interface Wish {
  at: number;
  size: number;
}

/**
 * Centres for labels of these sizes near their wished centres, within [low, high] and `gap` apart.
 * Labels that touch are joined into a block that sits at the mean of its wishes (pool adjacent violators).
 * With more labels than room they are laid one below the other from `low` on.
 */
export function spread(wishes: Wish[], low: number, high: number, gap = 2): number[] {
  const order = wishes.map((_, at) => at).sort((a, b) => wishes[a]!.at - wishes[b]!.at || a - b);
  const blocks: { start: number; length: number; members: number[]; wish: number }[] = [];
  for (const member of order) {
    const { at, size } = wishes[member]!;
    let block = { start: at - size / 2, length: size, members: [member], wish: at - size / 2 };
    block.start = hold(block.start, block.length, low, high);
    for (let last = blocks[blocks.length - 1]; last && last.start + last.length + gap > block.start; last = blocks[blocks.length - 1]) {
      blocks.pop();
      block = joined(last, block, gap);
      block.start = hold(block.wish, block.length, low, high);
    }
    blocks.push(block);
  }
  const centres = new Array<number>(wishes.length);
  for (const block of blocks) {
    let edge = block.start;
    for (const member of block.members) {
      const { size } = wishes[member]!;
      centres[member] = edge + size / 2;
      edge += size + gap;
    }
  }
  return centres;
}

type Block = { start: number; length: number; members: number[]; wish: number };

function joined(first: Block, second: Block, gap: number): Block {
  const [n, m] = [first.members.length, second.members.length];
  // Where the second's first member wishes to be, told as a wish for the start of the joined block.
  const told = second.wish - first.length - gap;
  return {
    start: 0,
    length: first.length + gap + second.length,
    members: [...first.members, ...second.members],
    wish: (first.wish * n + told * m) / (n + m),
  };
}

const hold = (start: number, length: number, low: number, high: number): number =>
  Math.max(low, Math.min(start, high - length));
