// Two builds of one source: the app that `penstock serve` serves, and the one script that a static site carries.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type UserConfig } from 'vite';

const built = '../src/penstock/web/static';

// That components take most of a build's time is nothing to warn of.
const checks = { bundlerTimings: false };

const app: UserConfig = {
  build: {
    outDir: built,
    emptyOutDir: false,
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // a data: address would need a hole in the content security policy
    reportCompressedSize: false,
    rolldownOptions: { checks },
    chunkSizeWarningLimit: 600, // charts are one chunk, fetched with the first of them
  },
  // `npm run dev` asks a running `penstock serve` for data.
  server: { proxy: { '/api': process.env.PENSTOCK ?? 'http://127.0.0.1:8000' } },
};

// A classic script that opens from disk: pages of `dashboard build` name it as assets/site.js.
const site: UserConfig = {
  define: { 'process.env.NODE_ENV': '"production"' }, // a library's build leaves it to its user; here there is none
  publicDir: false,
  build: {
    outDir: built,
    emptyOutDir: false,
    target: 'es2023',
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: { checks },
    chunkSizeWarningLimit: 900,
    lib: {
      entry: 'src/site.ts',
      formats: ['iife'],
      name: 'penstock',
      fileName: () => 'site.js',
      cssFileName: 'site',
    },
  },
};

export default defineConfig(({ mode, command }) => ({
  logLevel: command === 'build' ? 'warn' : 'info',
  plugins: [svelte({ emitCss: true })],
  ...(mode === 'site' ? site : app),
}));
