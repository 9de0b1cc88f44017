import { DatabaseSync } from 'node:sqlite';

/** What an operator said of a site; it stands until somebody says otherwise, over restarts. */
export interface SiteWord {
  readonly drained: boolean;
  /** In the place of what the probes say. */
  readonly forced?: 'up' | 'down';
  /** Who said so last, when (milliseconds since the Unix epoch) and why. */
  readonly author: string;
  readonly at: number;
  readonly reason: string;
}

/** Keeps what must survive a restart of the nameserver: operators' words, and the last good addresses of aliases. */
export interface NameserverJournal {
  words(): Readonly<Record<string, SiteWord>>;
  setWord(site: string, word: SiteWord): void;
  aliases(): Readonly<Record<string, readonly string[]>>;
  setAliases(aliases: Readonly<Record<string, readonly string[]>>): void;
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS site_words (site TEXT PRIMARY KEY, word TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS alias_addresses (alias TEXT PRIMARY KEY, addresses TEXT NOT NULL) STRICT;`;

/** In the file of the session homes, beside the journal of moves. */
export function openNameserverJournal(path: string): NameserverJournal {
  const database = new DatabaseSync(path, { timeout: 250 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec(schema);
  const setWord = database.prepare('INSERT OR REPLACE INTO site_words (site, word) VALUES (?, ?)');
  const setAlias = database.prepare('INSERT OR REPLACE INTO alias_addresses (alias, addresses) VALUES (?, ?)');
  const words = database.prepare('SELECT site, word FROM site_words');
  const aliases = database.prepare('SELECT alias, addresses FROM alias_addresses');
  return {
    words: () =>
      Object.fromEntries(
        words.all().map(({ site, word }) => [String(site), JSON.parse(String(word)) as SiteWord] as const),
      ),
    setWord: (site, word) => void setWord.run(site, JSON.stringify(word)),
    aliases: () =>
      Object.fromEntries(
        aliases
          .all()
          .map(({ alias, addresses }) => [String(alias), JSON.parse(String(addresses)) as readonly string[]] as const),
      ),
    setAliases: (all) => {
      for (const [alias, addresses] of Object.entries(all)) setAlias.run(alias, JSON.stringify(addresses));
    },
    close: () => database.close(),
  };
}
