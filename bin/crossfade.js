#!/usr/bin/env node
// The start guard, then the program: `src/` in a checkout (run unbuilt), `dist/` in the package and the image.
import { existsSync } from 'node:fs';
import { nodeFloorProblem } from './node-floor.js';

const problem = nodeFloorProblem(process.versions.node);
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
// npx ends on SIGTERM without passing it on: whoever stops it means the gateway, too.
if (process.env.npm_command === 'exec') {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}
const source = new URL('../src/cli/main.ts', import.meta.url);
const built = new URL('../dist/cli/main.js', import.meta.url);
const { main } = await import(existsSync(source) ? source.href : built.href);
await main(process.argv.slice(2));
