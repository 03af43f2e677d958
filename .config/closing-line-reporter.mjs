/** Prints every skipped test with its reason (a skip is never silent) and one plain closing line with the counts. */
export default class ClosingLineReporter {
  onTestRunEnd(modules) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const skips = [];
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state in counts) counts[state] += 1;
        if (state === 'failed') failedTests += 1;
        if (state === 'skipped') skips.push(`  ${test.fullName}: ${note ?? 'no reason given'}`);
      }
      // A file that does not load, or whose beforeAll fails, has no failed test of its own and must still be counted.
      if (module.state() === 'failed' && failedTests === 0) counts.failed += 1;
    }
    if (skips.length > 0) console.log(`\nSkipped:\n${skips.join('\n')}`);
    console.log(`\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}
