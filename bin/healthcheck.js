// The image's health check: exit 0 when /readyz of the admin address answers 200.
const admin = process.env.CROSSFADE_ADMIN ?? 'http://127.0.0.1:9440';
try {
  const answer = await fetch(new URL('/readyz', admin), { signal: AbortSignal.timeout(2_500) });
  if (!answer.ok) console.error(`${admin} is not ready: ${await answer.text()}`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.error(`${admin} does not answer: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
