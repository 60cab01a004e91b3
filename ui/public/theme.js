// Before the first paint: the theme that was chosen here last, so that a dark page never flashes white.
try {
  const chosen = localStorage.getItem('theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's own theme is the answer then.
}
