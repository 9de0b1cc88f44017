/** Bytes of the files that the configuration names; a larger file is a mistake. Fixed, not under `limits`. */
export const fileBounds = {
  /** The configuration file itself. */
  configurationBytes: 1_048_576,
  /** A file taken by `${file:PATH}`. */
  substitutedBytes: 65_536,
  /** A certificate, CA bundle or key. */
  pemBytes: 4_194_304,
  /** A certificate revocation list. */
  crlBytes: 67_108_864,
  /** A cohort's list of client IDs. */
  includeBytes: 67_108_864,
  /** A zone file. */
  zoneBytes: 16_777_216,
} as const;
