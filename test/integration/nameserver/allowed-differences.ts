/** Messages that we answer otherwise than Knot 3.2, and why that is right. */
export interface AllowedDifference {
  readonly reason: string;
  /** Of the message's name. */
  readonly messages: RegExp;
  readonly transport?: 'udp' | 'tcp';
  /** What only Knot says, line by line as in message-description.ts; absent: nothing. */
  readonly atKnot?: RegExp;
  /** What only we say; `N octets more` where all is the same but the size. */
  readonly atOurs?: RegExp;
}

const formerrWithoutRecords = /^opcode 0 FORMERR qr rd\n?(question \n?)?(opt .*)?$/;
const data = /^opcode 0 (NOERROR|NXDOMAIN|REFUSED) /;

export const allowedDifferences: readonly AllowedDifference[] = [
  {
    reason: 'RFC 2782, RFC 3597 §4: the target of SRV is not to be compressed',
    messages: /SRV/,
    atOurs: /^9 octets more$/,
  },
  {
    reason: 'RFC 2181 §5.5: no set twice: the CNAME of a wildcard that leads to itself, a host that two SRV name',
    messages: /^(x\.cloop A,|services SRV )/,
    atKnot: /^the same lines otherwise$/,
    atOurs: /^the same lines otherwise$/,
  },
  {
    reason: 'RFC 6891 §6.2.3: a payload size below 512 is taken for 512; Knot refuses 1 alone',
    messages: / in 1$/,
    atKnot: formerrWithoutRecords,
    atOurs: data,
  },
  {
    reason:
      'RFC 2181 §9: a set of the additional section that does not fit is left out; Knot goes on with smaller ones',
    messages: /^(crowd MX|services SRV) /,
    transport: 'udp',
    atKnot: /^(additional \S+ 300 1 (A|AAAA) \w+\n?)+$/,
  },
  {
    reason: 'RFC 9824 §3.5: FORMERR, with "invalid query type", to who asks for NXNAME',
    messages: /^type 128 /,
    atKnot: data,
    atOurs: /^opcode 0 FORMERR qr rd(\noption 15 001e)?$/,
  },
  {
    reason: 'RFC 5936 §2.2.1: REFUSED for a zone of ours that is not given away, NOTAUTH for what is no zone of ours',
    messages: /^(type 25[12] |IXFR )/,
    atKnot: /^(opcode 0 (NOTAUTH|NOTIMP) qr rd)?$/,
    atOurs: /^(opcode 0 (REFUSED|NOTAUTH) qr rd)?\n?(option 15 0012)?$/,
  },
  {
    reason: 'RFC 1996 §3.11, RFC 2136 §3.1.2: REFUSED for a zone of ours, NOTAUTH for what is no zone of ours',
    messages: /^(opcode [45]|UPDATE with|NOTIFY)/,
    atKnot: /^opcode [45] NOTAUTH qr$/,
    atOurs: /^opcode [45] REFUSED qr(\noption 15 0012)?$/,
  },
  {
    reason: 'RFC 4892 §3: what a server says of itself is its operator’s choice; here it is the NSID',
    messages: /^CH TXT (id|version)\.server|^CH TXT (hostname|version)\.bind/,
    atKnot: /^opcode 0 NOERROR qr rd\nanswer .* 3 TXT /,
    atOurs: /^opcode 0 REFUSED qr rd$/,
  },
  {
    reason: 'RFC 6891 §6.1.3: what another version of EDNS means by its options is not known',
    messages: /^EDNS: version 1 with a cut option/,
    atKnot: formerrWithoutRecords,
    atOurs: /^opcode 0 BADVERS qr rd\nopt version 0 /,
  },
  {
    reason: 'RFC 7314 is for secondaries, and there are none',
    messages: /^EDNS: expire/,
    atKnot: /^option 9 00127500$/,
  },
  {
    reason: 'RFC 6891 §6.1.1: who sends an OPT record gets one, also with FORMERR for an option that is cut',
    messages: /^EDNS: an .* cut|^two OPT/,
    atOurs: /^opt version 0 payload 1232 flags 0$/,
  },
  {
    reason: 'RFC 6891 §6.1.2: the owner of OPT must be the root',
    messages: /^EDNS: an owner/,
    atKnot: data,
    atOurs: formerrWithoutRecords,
  },
  {
    reason: 'RFC 7871 §7.2.1: the option tells how far an answer holds, and a refusal is none',
    messages: /^client subnet .*, refused/,
    atKnot: /^option 8 \w+$/,
  },
  {
    reason:
      'RFC 7871 §7.1.2: the asker wants nothing said of its network, with any family (dig sends family 0 for that)',
    messages: /^client subnet family 0, prefix 0/,
    atKnot: formerrWithoutRecords,
    atOurs: data,
  },
  {
    reason: 'RFC 7871 §6: the scope of a query must be 0, octets behind the prefix absent, its bits 0; else FORMERR',
    messages: /^client subnet (a scope in the query|bits behind the prefix|too many octets)/,
    atKnot: data,
    atOurs: formerrWithoutRecords,
  },
  {
    reason: 'RFC 7873 §5.2.3, §5.2.4: who has no good server cookie is answered and given one; BADCOOKIE is for floods',
    messages: /^(a cookie of|two cookies)/,
    transport: 'udp',
    atKnot: /^opcode 0 BADCOOKIE qr rd/,
    atOurs: /^opcode 0 NOERROR qr aa rd\nanswer web/,
  },
  {
    reason: 'RFC 7873 §5.2: all COOKIE options but the first are ignored',
    messages: /^two cookies/,
    transport: 'tcp',
    atKnot: /^option 10 6162636465666768 /,
    atOurs: /^option 10 0102030405060708 /,
  },
  {
    reason: 'RFC 7873 §5.4: a query without a question asks for a server cookie',
    messages: /^a client cookie alone/,
    atKnot: formerrWithoutRecords,
    atOurs: /^opcode 0 NOERROR qr rd\noption 10 /,
  },
  {
    reason: 'RFC 1035 §4.1.1: FORMERR is for what cannot be read; Knot is silent',
    messages:
      /^(a header that says|cut at|two questions|65535 questions|a name that points|a label of type|a name of 256)/,
    atKnot: /^silence$/,
    atOurs: /^opcode 0 FORMERR qr rd\nquestion $/,
  },
];
