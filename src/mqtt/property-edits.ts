import type { RawProperty } from './properties.ts';

/** The list without the properties of these identifiers; the others keep their order and bytes. */
export function withoutProperties(list: readonly RawProperty[], ids: readonly number[]): readonly RawProperty[] {
  return list.some(({ id }) => ids.includes(id)) ? list.filter(({ id }) => !ids.includes(id)) : list;
}

/** The list with `property` in the place of the one with its identifier, else at the end. */
export function withProperty(list: readonly RawProperty[], property: RawProperty): readonly RawProperty[] {
  const at = list.findIndex(({ id }) => id === property.id);
  return at < 0 ? [...list, property] : list.with(at, property);
}
