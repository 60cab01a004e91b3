// One mode for every component: runes.
export default { compilerOptions: { runes: true } };
