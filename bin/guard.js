#!/usr/bin/env node
// The start guard on its own, before the npm scripts that would otherwise fall back to an older system Node.
import { nodeFloorProblem } from './node-floor.js';

const problem = nodeFloorProblem(process.versions.node);
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
