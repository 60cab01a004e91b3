// Shows the page that a static site carries in itself; it is opened from disk and asks nobody for anything.
import './app.css';
import './site.css';
import { mount } from 'svelte';
import Static from './dashboards/Static.svelte';

function start(): void {
  const data = document.getElementById('penstock-page');
  if (!data) throw new Error('this file has no element with the id "penstock-page"');
  const { page, tiles } = JSON.parse(data.textContent ?? '') as { page: never; tiles: never };
  const target = document.getElementById('app') ?? document.body.appendChild(document.createElement('div'));
  // What stands there for readers without scripts leads to the list of pages; that link is kept.
  const home = target.querySelector('a[href="index.html"]')?.textContent ?? '';
  target.replaceChildren();
  document.title ||= (page as { title: string }).title;
  mount(Static, { target, props: { page, tiles, home } });
}

if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
else start();
