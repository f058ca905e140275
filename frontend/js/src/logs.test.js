import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clock, heard, painted } from './logs.js';

test('only what an instance says is read', () => {
  const data = { lines: [{ at: null, error: false, text: 'hello', cut: false }], mark: '1-1-1', more: false, keptAt: null };
  const message = { type: 'snapshot', topic: 'instance/7/logs', epoch: 'a', seq: 0, data };
  assert.deepEqual(heard(JSON.stringify(message)), { lines: data.lines, unfinished: [], mark: '1-1-1', anew: true });
  const unfinished = [{ at: null, error: true, text: '10 %', cut: false }];
  assert.deepEqual(heard(JSON.stringify({ ...message, data: { ...data, unfinished } })).unfinished, unfinished);
  assert.equal(heard(JSON.stringify({ ...message, type: 'delta' })).anew, false);
  for (const other of ['{', 'null', '{"type":"pong","now":1}', '{"type":"delta","data":{}}', '{"type":"bye"}']) {
    assert.equal(heard(other), null, other);
  }
});

test('a line has the time of its reader', () => {
  const at = '2026-11-27T23:05:09Z';
  assert.equal(clock(at, 'UTC'), '23:05:09 ');
  assert.equal(clock(at, 'Asia/Shanghai'), '07:05:09 ');
  assert.equal(clock(null, 'UTC'), ' ');
});

/// `red bold:text|plain`.
const told = (line) => painted(line).runs.map(({ text, classes }) => (classes ? `${classes.replaceAll('ansi-', '')}:${text}` : text)).join('|');

test('colours become classes and the rest goes', () => {
  const cases = [
    ['plain\ttext', 'plain\ttext'],
    ['\x1b[31mred\x1b[0m plain', 'red:red| plain'],
    ['\x1b[1;32mok\x1b[m', 'green bold:ok'],
    ['\x1b[91ma\x1b[39mb\x1b[90mc', 'red:a|b|grey:c'],
    ['\x1b[37ma\x1b[30mb\x1b[40mc', 'abc'],
    ['\x1b[2ma\x1b[22;3mb\x1b[23;4mc\x1b[24;9md', 'grey:a|italic:b|under:c|strike:d'],
    ['\x1b[31;0;4ma', 'under:a'],
    ['\x1b[4:3ma\x1b[4:0mb', 'under:a|b'],
    ['\x1b[41;37ma\x1b[49mb', 'red ground:a|b'],
    ['\x1b[7ma\x1b[34mb\x1b[27mc\x1b[39;107md', 'ground:a|blue ground:b|blue:c|ground:d'],
    ['\x1b[38;5;196ma\x1b[38;5;240mb\x1b[48;5;21;1mc', 'red:a|grey:b|blue ground bold:c'],
    ['\x1b[38;2;0;200;200ma\x1b[38:2::200:0:200mb\x1b[38:5:2mc', 'cyan:a|magenta:b|green:c'],
    ['\x1b[38;5ma\x1b[38;2;1mb\x1b[999;31mc\x1b[38;5;999md', 'ab|red:cd'],
    // Cursors, titles, links, and what is none.
    ['\x1b[2K\x1b[1Aup\x1b[?25l\x1b[>4;2m', 'up'],
    ['\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b(B\x1b=c', 'abc'],
    ['a\x1b', 'a'],
    ['a\x1b[31', 'a'],
    ['a\x1b[3é', 'aé'],
    ['a\x1b]never ends', 'anever ends'],
    ['\x07a\0b\x9bc\x7fd', 'abcd'],
    ['<b>&世', '<b>&世'],
  ];
  for (const [line, expected] of cases) assert.equal(told(line), expected, JSON.stringify(line));
});

test('of what is written over the last stands', () => {
  const cases = [
    [' 10 %\r 50 %\r100 %', '100 %'],
    ['dos\r', 'dos'],
    ['100 %\r\x1b[K', '100 %'],
    ['100 %\r     \r', '100 %'],
    ['a\r\rb\r\r', 'b'],
    ['\x1b[31ma\rb', 'red:b'],
    ['wait |\b/\b-\b\b\b', 'wai'],
    ['\ba', 'a'],
    ['   ', '   '],
    ['', ''],
  ];
  for (const [line, expected] of cases) assert.equal(told(line), expected, JSON.stringify(line));
});

test('a look goes on in the next line', () => {
  const { look } = painted('\x1b[33mfirst');
  assert.deepEqual(painted('second', look).runs, [{ text: 'second', classes: 'ansi-yellow' }]);
});
