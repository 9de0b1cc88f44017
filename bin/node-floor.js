// Plain JavaScript on purpose: this file must run on the Node that it refuses.

/** The text for a Node that is too old, or undefined when `version` satisfies `^24.15.0 || >=26.0.0`. */
export function nodeFloorProblem(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major >= 26 || (major === 24 && minor >= 15)) return undefined;
  return `Crossfade needs Node ^24.15.0 or >=26.0.0, and this is Node ${version}: in a checkout run it as "npx crossfade" or "npm start" after "npm ci", which brings Node 26 along`;
}
