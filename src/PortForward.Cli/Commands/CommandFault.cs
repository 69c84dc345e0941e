using System.ComponentModel;
using System.Text;

namespace PortForward.Cli.Commands;

/// <summary>Why a command that was found cannot be run, with what to do about it.</summary>
internal static class CommandFault
{
    private const int NoEntry = 2, ExecFormat = 8, AccessDenied = 13; // ENOENT, ENOEXEC, EACCES: alike on Linux and macOS.

    /// <summary>Enough for the first line of a script: Linux itself reads no more.</summary>
    private const int MaxFirstLine = 256;

    private static readonly byte[][] Binaries = [[0x7f, .. "ELF"u8], [0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe], [.. "MZ"u8]];

    /// <summary>The sentence.</summary>
    /// <param name="word">The command as the user wrote it.</param>
    /// <param name="path">The file that it is.</param>
    /// <param name="error">The system's error code.</param>
    public static string Of(string word, string path, int error)
    {
        string usual = $"{word} cannot be run: {new Win32Exception(error).Message}";
        return OperatingSystem.IsWindows() ? usual : error switch
        {
            AccessDenied when !IsExecutable(path) => $"{word} is not executable (chmod +x makes it so)",
            NoEntry when Interpreter(path) is { } interpreter => $"{word} cannot be run: {(interpreter.EndsWith('\r')
                ? "its lines end as on Windows (dos2unix mends that)"
                : $"its first line names {UntrustedText.OneLine(interpreter)}, which does not exist")}",
            NoEntry when File.Exists(path) => $"{word} cannot be run: the loader that it was built for is missing, as that of glibc is on Alpine",
            ExecFormat when IsBinary(path) => $"{word} cannot be run: it was built for another system or processor",
            ExecFormat => $"{word} is no program: a script needs a first line such as #!/bin/sh",
            _ => usual,
        };
    }

    private static bool IsExecutable(string path)
    {
        const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        try
        {
            return OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & AnyExecute) != UnixFileMode.None;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true; // It is not known.
        }
    }

    /// <summary>The program that the first line of a script names; null if it names none.</summary>
    private static string? Interpreter(string path)
    {
        byte[] start = Start(path);
        int end = Array.IndexOf(start, (byte)'\n');
        string line = Encoding.UTF8.GetString(start, 0, end < 0 ? start.Length : end);
        return line.StartsWith("#!", StringComparison.Ordinal) ? line[2..].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault() : null;
    }

    private static bool IsBinary(string path)
    {
        byte[] start = Start(path);
        return Binaries.Any(magic => start.AsSpan().StartsWith(magic));
    }

    private static byte[] Start(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] start = new byte[MaxFirstLine];
            return start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
