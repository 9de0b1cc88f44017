// A demo in a process of its own, for the tests that end it from outside.
import { runDemo } from '../../src/demo/run-demo.ts';

const progress = {
  update: ({ text }: { readonly text: string }) => void process.stderr.write(`${text}\n`),
  end() {},
};
process.exitCode = await runDemo({
  devices: 5,
  once: false,
  json: false,
  soakMs: 0,
  out: process.stdout,
  err: process.stderr,
  progress,
});
