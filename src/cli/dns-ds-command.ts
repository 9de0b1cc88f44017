import type { Command } from 'commander';
import type { Configuration, ZoneConfiguration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { type DelegationRecords, readDelegation, zoneNamed } from '../config/delegation-records.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { loadConfigurationFile } from './configuration-file.ts';
import { exitCodes } from './exit-codes.ts';
import { printable } from './printable.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface DsOptions {
  readonly config: string;
  readonly json?: true;
}

export function addDsCommand(dns: Command, { terminal }: CommandContext): void {
  defineCommand(dns, {
    usage: 'ds [zone]',
    summary: 'the DS records that the parent zone needs',
    description:
      'Prints the DS records (SHA-256) of a signed zone in master file form, and in comments the CDS and CDNSKEY that it ' +
      'serves. Reads the key files that the configuration names; needs no running gateway. Without ZONE: of every signed zone.',
    examples: [
      ['dns ds mqtt.example.com --config crossfade.yaml', 'what to give to whoever runs example.com'],
      ['dns ds --config crossfade.yaml --json', 'for scripts: a list of { zone, ds, cds, cdnskey }'],
    ],
  })
    .requiredOption('--config <file>', 'the configuration')
    .option('--json', 'one JSON document')
    .action((zone: string | undefined, options: DsOptions) => printDs(zone, options, terminal));
}

async function printDs(name: string | undefined, { config, json }: DsOptions, terminal: Terminal): Promise<void> {
  const { configuration } = await loadConfigurationFile(config);
  const documents = zonesOf(configuration, name).map(read);
  if (json) return writeJson(terminal, documents);
  await write(terminal.stdout, documents.map(render).join(''));
}

function zonesOf({ nameserver }: Configuration, name: string | undefined): readonly ZoneConfiguration[] {
  const zones = nameserver?.zones ?? [];
  const signed = zones.filter(({ dnssec }) => dnssec !== undefined && dnssec.keys.length > 0);
  if (name === undefined) {
    if (signed.length > 0) return signed;
    throw new CommandFailure(exitCodes.failed, 'no zone is signed', 'name key files in nameserver.zones[].dnssec.keys');
  }
  const zone = zoneNamed(zones, name);
  if (zone === undefined) {
    const known = zones.map(({ origin }) => origin).join(', ');
    throw usageFailure(`expected a zone of the configuration (${known}), got ${JSON.stringify(name)}`);
  }
  if (signed.includes(zone)) return [zone];
  throw new CommandFailure(exitCodes.failed, `${zone.origin} is not signed`, 'name key files in its dnssec.keys');
}

function read(zone: ZoneConfiguration): DelegationRecords {
  const records = readDelegation(zone, createSystemSource());
  if (!records.ok) throw usageFailure(records.error.map(printable).join('\n'));
  return records.value;
}

/** Comments where the parent's zone file needs nothing. */
function render({ ds, cds, cdnskey }: DelegationRecords): string {
  return [...ds, ...[...cds, ...cdnskey].map((record) => `; ${record}`)].map((record) => `${record}\n`).join('');
}
