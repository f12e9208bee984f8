require('../shared.cjs')({ kimdb: require('kimdb'), name: 'file2' });
