import { errorMessage } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import type { AssessmentStore } from '../session/assessment-store.ts';
import type { HomeStore } from '../session/home-store.ts';
import { openSqliteAssessmentStore } from '../session/sqlite-assessment-store.ts';
import { openSqliteHomeStore } from '../session/sqlite-home-store.ts';
import { openSqliteTopicStore, type TopicStore } from '../session/sqlite-topic-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { assessmentBounds, assessmentStorePath, homeStorePath, topicStorePath } from './broker-rates.ts';
import { type MoveJournal, openMoveJournal } from './move-journal.ts';
import { type NameserverJournal, openNameserverJournal } from './nameserver-journal.ts';

export function openJournal({ store }: Configuration, log: Logger): MoveJournal {
  try {
    return openMoveJournal(homeStorePath(store.path));
  } catch (error) {
    log.error(
      { error: errorMessage(error) },
      'Moves are kept in memory only: a move under way would not survive a restart',
    );
    return openMoveJournal(':memory:');
  }
}

export function openNameserverMemory({ store }: Configuration, log: Logger): NameserverJournal {
  try {
    return openNameserverJournal(homeStorePath(store.path));
  } catch (error) {
    log.error(
      { error: errorMessage(error) },
      'What is said of sites is kept in memory only: a drained site would not stay so over a restart',
    );
    return openNameserverJournal(':memory:');
  }
}

/**
 * Homes that cannot be written are still read, with what changes kept in memory; a full or read-only disk must not stop
 * devices. Only where nothing can be read either is every home unknown.
 */
export function openHomes({ store }: Configuration, log: Logger): HomeStore {
  const path = homeStorePath(store.path);
  try {
    return openSqliteHomeStore(path);
  } catch (error) {
    log.error(
      { error: errorMessage(error) },
      'Homes of persistent sessions cannot be written: changes are lost at a restart',
    );
  }
  try {
    return openSqliteHomeStore(path, { readOnly: true });
  } catch (error) {
    log.error(
      { error: errorMessage(error) },
      'Homes of persistent sessions cannot be read: such a session goes where the plan says',
    );
    return openSqliteHomeStore(':memory:');
  }
}

/** What cannot be kept is kept in memory: a full disk must not stop devices, and what they do they do again. */
export function openAssessments({ store, limits }: Configuration, log: Logger): AssessmentStore {
  try {
    return openSqliteAssessmentStore(assessmentStorePath(store.path), assessmentBounds(limits));
  } catch (error) {
    log.error({ error: errorMessage(error) }, 'Assessments are kept in memory only: they are lost at a restart');
    return openSqliteAssessmentStore(':memory:', assessmentBounds(limits));
  }
}

/** The same of the topics that devices use. */
export function openTopics({ store }: Configuration, log: Logger): TopicStore {
  try {
    return openSqliteTopicStore(topicStorePath(store.path));
  } catch (error) {
    const text = 'The topics that devices use are kept in memory only: they are lost at a restart';
    log.error({ error: errorMessage(error) }, text);
    return openSqliteTopicStore(':memory:');
  }
}
