const endings = [
  'AES128-GCM-SHA256',
  'AES128-SHA256',
  'AES128-SHA',
  'AES256-GCM-SHA384',
  'AES256-SHA384',
  'AES256-SHA',
];

/** What AWS's security policy TLS13_1_2_2022_10 takes (developer guide, Transport security), as OpenSSL lists it. */
export const cipherSuites: string = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-RSA', 'ECDHE-ECDSA'].flatMap((exchange) => endings.map((rest) => `${exchange}-${rest}`)),
  ...['AES128-GCM-SHA256', 'AES128-SHA256', 'AES128-SHA', 'AES256-GCM-SHA384', 'AES256-SHA256', 'AES256-SHA'],
].join(':');
