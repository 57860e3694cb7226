#include "winnow/Driver/Driver.h"

int main(int argc, char **argv) { return winnow::runDriver(argc, argv); }
