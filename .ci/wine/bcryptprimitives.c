/*
 * The part of bcryptprimitives.dll that Go's runtime loads before main, for
 * versions of Wine that have no such file: without it every Go program ends at
 * once. Wine's own random numbers are what stands behind it.
 */
#include <windows.h>

/* RtlGenRandom, under the name by which advapi32 exports it. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
	while (length > 0) {
		/* One call takes 32 bits' worth at most; any smaller piece will do. */
		ULONG piece = length < 65536 ? (ULONG)length : 65536;
		if (!SystemFunction036(buffer, piece))
			return FALSE;
		buffer += piece;
		length -= piece;
	}
	return TRUE;
}
