using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

/// <summary>A socket file: who may connect, what it replaces, and what it removes.</summary>
public sealed class SocketFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public SocketFileTests() => _path = _folder["db.sock"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_takes_clients_and_is_removed_at_the_end()
    {
        using SocketFile file = Listen();

        using Socket client = await Sockets.ConnectAsync(new UnixDomainSocketEndPoint(_path));
        using Socket accepted = await file.Socket.AcceptAsync().Soon();
        await client.SendAsync("hello");
        (await accepted.ReceiveTextAsync(5)).Should().Be("hello");

        file.Dispose();
        Exists(_path).Should().BeFalse();
        Directory.GetFileSystemEntries(_folder.Path).Should().BeEmpty();
    }

    [Fact]
    public void Only_its_owner_may_connect()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // There the folder's permissions count.
        }

        using SocketFile file = Listen();

        File.GetUnixFileMode(_path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void One_that_nobody_listens_at_is_replaced()
    {
        LeaveStale(_path);
        Exists(_path).Should().BeTrue();

        using SocketFile file = Listen();
    }

    [Fact]
    public void One_that_is_in_use_is_respected()
    {
        using SocketFile first = Listen();

        Refused(_path).ToString().Should().Be("it is in use by another program");
        Refused(_path).InUse.Should().BeTrue();
        first.Socket.Accept().Dispose(); // It was asked, and nothing more.
    }

    [Fact]
    public void One_whose_queue_is_full_is_in_use()
    {
        using var busy = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        busy.Bind(new UnixDomainSocketEndPoint(_path));
        busy.Listen(0);
        using Socket waiting = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        waiting.Connect(new UnixDomainSocketEndPoint(_path));

        Refused(_path).ToString().Should().Be("it is in use by another program");
    }

    [Fact]
    public void What_is_no_socket_is_left_as_it_is()
    {
        File.WriteAllText(_path, "precious");
        Refused(_path).ToString().Should().Be("a file of that name is there, and is no socket");
        File.ReadAllText(_path).Should().Be("precious");

        string folder = _folder["folder"];
        Directory.CreateDirectory(folder);
        Refused(folder).ToString().Should().Be("a file of that name is there, and is no socket");
        Directory.Exists(folder).Should().BeTrue();

        string link = _folder["link"];
        File.CreateSymbolicLink(link, _folder["nowhere"]);
        Refused(link).ToString().Should().Be("a file of that name is there, and is no socket");
        new FileInfo(link).LinkTarget.Should().NotBeNull();
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_named()
    {
        string folder = _folder["missing"];

        Refused(Path.Combine(folder, "db.sock")).ToString().Should().Be($"there is no folder {folder}");
    }

    [Fact]
    public void What_has_taken_its_place_is_not_removed()
    {
        SocketFile file = Listen();
        File.Delete(_path);
        LeaveStale(_path);

        file.Dispose();

        Exists(_path).Should().BeTrue("it is another one's");
    }

    [Fact]
    public void Of_many_that_want_it_at_the_same_moment_exactly_one_gets_it()
    {
        for (int round = 0; round < 50; round++)
        {
            LeaveStale(_path);
            using var start = new Barrier(4);
            SocketFile?[] all = new SocketFile?[4];
            Thread[] threads = [.. Enumerable.Range(0, all.Length).Select(index => new Thread(() =>
            {
                start.SignalAndWait();
                all[index] = SocketFile.TryListen(_path, 10, out _);
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());

            SocketFile winner = all.Should().ContainSingle(file => file != null).Which!;
            using (Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                client.Connect(new UnixDomainSocketEndPoint(_path));
            }

            winner.Dispose();
            Exists(_path).Should().BeFalse();
        }
    }

    [Fact]
    public void The_length_of_a_path_has_a_limit()
    {
        string longest = _folder[new string('x', SocketFile.MaxPathLength - _folder.Path.Length - 1)];
        SocketFile.WhyWrong(longest).Should().BeNull();
        SocketFile.TryListen(longest, 1, out _)!.Dispose();

        string tooLong = longest + "x";
        SocketFile.WhyWrong(tooLong).Should().StartWith(
            $"the path {tooLong} has {SocketFile.MaxPathLength + 1} bytes, and a socket's at most {SocketFile.MaxPathLength}; ");
    }

    private static bool Exists(string path) => FileIdentity.Of(path) is not null;

    private static ListenFailure Refused(string path)
    {
        SocketFile.TryListen(path, 1, out ListenFailure failure).Should().BeNull();
        return failure;
    }

    /// <summary>What a program leaves behind that was killed.</summary>
    private static void LeaveStale(string path)
    {
        SocketFile file = SocketFile.TryListen(path, 1, out _)!;
        file.Socket.Dispose();
    }

    private SocketFile Listen() => SocketFile.TryListen(_path, 10, out ListenFailure failure) ?? throw new InvalidOperationException($"{failure}");
}
