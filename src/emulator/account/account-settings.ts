import type { EventType } from '@aws-sdk/client-iot';
import type { Operations } from './operation.ts';
import { invalidRequest } from './refusal.ts';

/** Endpoint, event configurations and fleet indexing: what the account has once. */
export const accountSettingOperations = {
  DescribeEndpoint({ endpointType }, { account }) {
    const { data, credentialProvider, jobs } = account.endpoints;
    if (endpointType === 'iot:Data-ATS') return { endpointAddress: data };
    if (endpointType === 'iot:CredentialProvider') return { endpointAddress: credentialProvider };
    if (endpointType === 'iot:Jobs')
      throw invalidRequest(`The endpoint type iot:Jobs (${jobs}) is not given out any more`);
    throw invalidRequest(
      `Expected the endpoint type iot:Data-ATS or iot:CredentialProvider, got ${endpointType ?? 'none'}`,
    );
  },

  DescribeEventConfigurations(_input, { account }) {
    const { eventConfigurations, eventsChangedMs } = account.settings;
    const configurations = eventTypes.map(
      (type) => [type, { Enabled: eventConfigurations.get(type) ?? false }] as const,
    );
    const changed = eventsChangedMs === undefined ? {} : { lastModifiedDate: new Date(eventsChangedMs) };
    return { eventConfigurations: Object.fromEntries(configurations), ...changed };
  },

  UpdateEventConfigurations({ eventConfigurations = {} }, { account, wallMs }) {
    const configurations = new Map(account.settings.eventConfigurations);
    for (const [name, configuration] of Object.entries(eventConfigurations)) {
      const type = eventTypes.find((known) => known === name);
      if (type === undefined) throw invalidRequest(`There is no event type ${name}`);
      configurations.set(type, configuration?.Enabled === true);
    }
    account.settings.eventConfigurations = configurations;
    account.settings.eventsChangedMs = wallMs;
    return {};
  },

  GetIndexingConfiguration: (_input, { account }) => ({
    thingIndexingConfiguration: account.settings.thingIndexing,
    thingGroupIndexingConfiguration: account.settings.thingGroupIndexing,
  }),

  UpdateIndexingConfiguration({ thingIndexingConfiguration, thingGroupIndexingConfiguration }, { account }) {
    const { settings } = account;
    settings.thingIndexing = thingIndexingConfiguration ?? settings.thingIndexing;
    settings.thingGroupIndexing = thingGroupIndexingConfiguration ?? settings.thingGroupIndexing;
    return {};
  },
} satisfies Operations;

const eventTypes: readonly EventType[] = [
  'THING',
  'THING_GROUP',
  'THING_TYPE',
  'THING_GROUP_MEMBERSHIP',
  'THING_GROUP_HIERARCHY',
  'THING_TYPE_ASSOCIATION',
  'JOB',
  'JOB_EXECUTION',
  'POLICY',
  'CERTIFICATE',
  'CA_CERTIFICATE',
];
