// The C0 and C1 controls, DEL, and the marks that reorder text on a terminal.
const unprintable = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text from outside (client IDs, reasons, names) made safe for a terminal: a control character is spelled out, so that
 * no device can colour, move or clear the operator's screen.
 */
export function printable(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
