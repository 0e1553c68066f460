/* The least that starting a program costs: the yardstick of bench_startup. */
int main(void) { return 0; }
