import { styleText } from 'node:util';

/** Words for emphasis; each is the identity where there is no colour. */
export interface Style {
  heading(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
}

export function createStyle(isColoured: boolean): Style {
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    isColoured ? styleText(format, text, { validateStream: false }) : text;
  return {
    heading: paint('bold'),
    good: paint('green'),
    warning: paint('yellow'),
    bad: paint('red'),
    dim: paint('dim'),
  };
}
