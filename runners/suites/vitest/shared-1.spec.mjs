import kimdb from 'kimdb';
import shared from '../shared.cjs';

shared({ kimdb, name: 'file1' });
