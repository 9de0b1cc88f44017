import type * as sdk from '@aws-sdk/client-iot';
import type { Account } from './account.ts';

type Sdk = typeof sdk;

/** An operation as the SDK's command is called, without `Command`. */
export type OperationName = { [Key in keyof Sdk]: Key extends `${infer Name}Command` ? Name : never }[keyof Sdk];

type Command<Name extends OperationName> = InstanceType<Sdk[`${Name}Command`]>;
type Resolved<Value> = Value extends { resolveMiddleware(...rest: never[]): infer Handler } ? Handler : never;
type Handled<Value> = Value extends (...rest: never[]) => Promise<{ readonly output: infer Output }> ? Output : never;

/** A value whose required members are there: the control plane has checked them before an operation sees it. */
type Present<Value> = Value extends string | number | boolean | undefined | null | Date | Uint8Array
  ? Value
  : Value extends readonly (infer Item)[]
    ? number extends Value['length']
      ? Present<Item>[]
      : Value
    : { [Key in keyof Value]: Present<RequiredMember<Value, Key>> };
type RequiredMember<Value, Key extends keyof Value> =
  object extends Pick<Value, Key> ? Value[Key] : Exclude<Value[Key], undefined>;

export type Input<Name extends OperationName> = Present<Command<Name>['input']>;
export type Output<Name extends OperationName> = Omit<Handled<Resolved<Command<Name>>>, '$metadata'>;

/** What an operation works on besides its input. */
export interface OperationContext {
  readonly account: Account;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
}

/** One operation of the API: its answer, or an IotRefusal that it throws. */
export type Operation<Name extends OperationName> = (
  input: Input<Name>,
  context: OperationContext,
) => Output<Name> | Promise<Output<Name>>;

/** A family of operations, each typed by the SDK's model. */
export type Operations = { readonly [Name in OperationName]?: Operation<Name> };
