/** Seeds of networks that once got a wrong answer; they are asked about each time. */
export const failingSeeds: readonly number[] = []
