namespace PortForward.Cluster;

/// <summary>Finds the known word that a mistyped one was meant to be.</summary>
internal static class Nearest
{
    /// <summary>More letters have no words that are mistyped, and comparing them takes long.</summary>
    private const int MaxLength = 64;

    /// <summary>The nearest of some words; null if none is near: one change for each three letters. No very long word is near another.</summary>
    public static string? Of(string word, IEnumerable<string> known)
    {
        IEnumerable<string> comparable = word.Length > MaxLength ? [] : known.Where(static other => other.Length <= MaxLength);
        (string Word, int Distance)[] near = [.. comparable.Select(other => (other, Distance(word, other))).Where(other => other.Item2 <= Math.Max(1, word.Length / 3))];
        return near.Length == 0 ? null : near.MinBy(static other => other.Distance).Word;
    }

    /// <summary>How many letters must be added, left out, exchanged, or swapped with their neighbour (Damerau and Levenshtein).</summary>
    public static int Distance(string one, string other)
    {
        int[,] steps = new int[one.Length + 1, other.Length + 1];
        for (int i = 0; i <= one.Length; i++)
        {
            for (int j = 0; j <= other.Length; j++)
            {
                steps[i, j] = i == 0 ? j
                    : j == 0 ? i
                    : Math.Min(Math.Min(steps[i - 1, j], steps[i, j - 1]) + 1, steps[i - 1, j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                {
                    steps[i, j] = Math.Min(steps[i, j], steps[i - 2, j - 2] + 1);
                }
            }
        }

        return steps[one.Length, other.Length];
    }
}
