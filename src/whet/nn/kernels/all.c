/* Every kernel as one unit for the compiler. */
#include "adamw.c"
#include "attention.c"
#include "rows.c"
#include "surprise.c"
