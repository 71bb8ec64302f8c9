// The program: everything is in app/.
#include "app/command.h"

int main(int argc, char** argv) { return posthouse::app::main_command(argc, argv); }
